-- A node's sign of life, with the sessions that began and ended there since the last.
select
    b.is_known as "is_known!",
    b.closing_ids,
    b.closing_codes
from eventcenter.beat(
    $1, make_interval(secs => $2), $3,
    $4, $5, $6::text[], $7,
    $8, $9
) as b;
