-- Forgets a person, and up to $2 of their events.
select
    e.erased as "erased!",
    e.in_flight as "in_flight!"
from eventcenter.erase($1, $2) as e;
