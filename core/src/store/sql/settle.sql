-- Settles part of a lease: verdicts per delivery, then tries per target.
select
    s.settled as "settled!",
    s.repeated as "repeated!",
    s.stale as "stale!"
from eventcenter.settle($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) as s;
