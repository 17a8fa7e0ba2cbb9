-- Every browser of these people that takes our pushes. Served by push_subscriptions_of_user.
select
    s.id,
    s.user_id,
    s.endpoint,
    s.p256dh,
    s.auth,
    s.vapid_key_id,
    s.updated_at as "updated_at: SqlTimestamp"
from eventcenter.push_subscriptions as s
where s.user_id = any($1) and not s.needs_resubscribe
order by s.user_id, s.created_at;
