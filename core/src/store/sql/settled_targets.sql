-- Targets that earlier tries of these deliveries have settled. Served by the primary key.
select
    a.event_id,
    a.target,
    a.outcome = 'sent' as "was_sent!"
from eventcenter.attempts as a
where
    a.event_id = any($1)
    and a.event_id between $2 and $3
    and a.channel = $4
    and a.outcome in ('sent', 'failed')
    and a.target <> '';
