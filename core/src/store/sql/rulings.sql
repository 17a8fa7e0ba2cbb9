-- Which of a claimed batch may not be sent now, and why. Nearly always none.
select
    r.event_id as "event_id!",
    r.reason,
    r.held_until as "held_until: SqlTimestamp"
from eventcenter.rulings($1, $2, $3) as r;
