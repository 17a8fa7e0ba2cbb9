-- Suppressions after the cursor $4, oldest first. Null leaves a filter out.
select
    s.id,
    s.address,
    s.user_id,
    s.scope,
    s.reason,
    s.detail,
    s.created_at as "created_at: SqlTimestamp"
from eventcenter.suppressions as s
where
    ($1::text is null or s.address = lower($1))
    and ($2::bigint is null or s.user_id = $2)
    and ($3::text is null or s.reason = $3)
    and s.id > $4
order by s.id
limit $5;
