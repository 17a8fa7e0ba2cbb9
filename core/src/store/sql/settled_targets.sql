-- Targets that earlier tries of these deliveries have settled. A redrive tries anew what failed before it. Served by
-- the primary key.
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
    and a.target <> ''
    and (
        a.outcome = 'sent'
        or not exists (
            select from eventcenter.attempts as later
            where
                later.event_id = a.event_id
                and later.event_id between $2 and $3
                and later.channel = $4
                and later.attempt > a.attempt
                and later.outcome = 'redriven'
        )
    );
