-- Leases up to $4 due deliveries of channel $1 for $5 seconds: those after the one that came due at $6 with the event
-- $7, or without it, from $8 seconds before now on, or however old. Served by deliveries_due. One row with parallel
-- arrays, in no particular order, or none.
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
    make_interval(secs => $5),
    coalesce($6, statement_timestamp() - make_interval(secs => $8::double precision), '-infinity'),
    coalesce($7::uuid, '00000000-0000-0000-0000-000000000000')
) as c;
