-- Deliveries that ended badly and were not redriven, oldest first, after the cursor $5. Served by attempts_to_redrive.
select
    a.event_id as "event_id!",
    e.key,
    e.user_id,
    e.type as kind,
    a.channel as "channel!",
    a.outcome as "outcome!",
    a.reason,
    a.provider_code,
    a.attempt as "attempt!",
    a.at as "at!: SqlTimestamp"
from eventcenter.ended as a
join eventcenter.events as e on e.id = a.event_id
where
    a.outcome = $1
    and ($2::text is null or a.channel = $2)
    and ($3::text is null or e.type = $3)
    and ($4::bigint is null or e.user_id = $4)
    and a.event_id > $5
order by a.event_id
limit $6;
