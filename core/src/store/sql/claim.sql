-- Leases up to $4 due deliveries of channel $1, from $5 seconds before now on (null: however old), for $6 seconds.
-- Served by deliveries_due. One row with parallel arrays, in no particular order, or none.
select
    c.lease_id as "lease_id!",
    c.event_ids as "event_ids!",
    c.user_ids as "user_ids!",
    c.attempts as "attempts!",
    c.due_at as "due_at!: Vec<SqlTimestamp>",
    c.since as "since!: Vec<SqlTimestamp>",
    c.expires_at as "expires_at!: Vec<Option<SqlTimestamp>>",
    clock_timestamp() as "now!: SqlTimestamp"
from eventcenter.claim(
    $1, $2, $3, $4,
    coalesce(statement_timestamp() - make_interval(secs => $5::double precision), '-infinity'),
    make_interval(secs => $6)
) as c;
