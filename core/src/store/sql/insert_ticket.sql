-- Stores a ticket's hash for $5 seconds, unless the person has $6 that still work, and forgets those that no longer do.
-- Requests at the same moment may each find room, so a person can come to have a few more.
with gone as (
    delete from eventcenter.tickets as t
    where t.user_id = $2 and t.expires_at <= clock_timestamp()
)
insert into eventcenter.tickets (hash, user_id, token_issued_at, token_ends_at, expires_at)
select $1, $2, $3, $4, clock_timestamp() + make_interval(secs => $5)
where
    (
        select count(*) from eventcenter.tickets as t
        where t.user_id = $2 and t.expires_at > clock_timestamp()
    ) < $6;
