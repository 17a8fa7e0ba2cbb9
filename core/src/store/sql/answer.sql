-- Answers the event $3 for $1 under the name $2, by the option $4 or the text $5, unless it is answered or expired.
select
    a.is_new as "is_new!",
    eventcenter.public_id(a.event_id, k.key) as "event_id!",
    a.option,
    a.text,
    a.answered_at as "answered_at!: SqlTimestamp"
from eventcenter.answer($1, $2, $3, $4, $5) as a
left join eventcenter.event_keys as k on k.event_id = a.event_id;
