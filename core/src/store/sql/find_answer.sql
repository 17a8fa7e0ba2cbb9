-- What $1 answered under the name $2.
select
    eventcenter.public_id(a.event_id, k.key) as "event_id!",
    a.option,
    a.text,
    a.answered_at as "answered_at: SqlTimestamp"
from eventcenter.answers as a
left join eventcenter.event_keys as k on k.event_id = a.event_id
where
    a.user_id = $1
    and a.action_id = $2;
