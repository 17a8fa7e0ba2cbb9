-- A person's browsers as their owner sees them, oldest first. Served by push_subscriptions_of_user.
select
    s.id,
    coalesce(s.name, s.device ->> 'name') as name,
    s.device ->> 'platform' as platform,
    s.device ->> 'user_agent' as user_agent,
    s.vapid_key_id as key_id,
    encode(sha256(convert_to(s.endpoint, 'UTF8')), 'hex') as "endpoint_sha256!",
    s.needs_resubscribe,
    s.created_at as "created_at: SqlTimestamp",
    s.last_success_at as "last_success_at: SqlTimestamp"
from eventcenter.push_subscriptions as s
where s.user_id = $1
order by s.created_at;
