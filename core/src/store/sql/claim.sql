-- Leases up to $4 due deliveries of channel $1, from $5 seconds before now on (null: however old), for $6 seconds.
-- Served by deliveries_due. In the order in which they came due, so that a person hears of them in that order.
select
    c.lease_id as "lease_id!",
    c.event_id as "event_id!",
    c.user_id as "user_id!",
    c.attempt as "attempt!",
    extract(epoch from clock_timestamp() - c.due_at)::double precision as "lag_s!",
    extract(epoch from clock_timestamp() - c.since)::double precision as "age_s!",
    extract(epoch from c.expires_at - clock_timestamp())::double precision as expires_in_s
from eventcenter.claim(
    $1, $2, $3, $4,
    coalesce(statement_timestamp() - make_interval(secs => $5::double precision), '-infinity'),
    make_interval(secs => $6)
) as c
order by c.due_at, c.event_id;
