-- Puts ended deliveries back to work.
select
    r.event_id as "event_id!",
    r.channel as "channel!"
from eventcenter.redrive($1, $2, $3, $4, $5, $6) as r;
