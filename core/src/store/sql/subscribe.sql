-- Stores a browser, or moves it to whoever subscribed with it last; refused at $7 browsers a person.
-- Answers null when the person has too many already.
insert into eventcenter.push_subscriptions as s (user_id, endpoint, p256dh, auth, vapid_key_id, device)
select $1, $2, $3, $4, $5, $6
where
    (
        select count(*) from eventcenter.push_subscriptions as o
        where o.user_id = $1 and o.endpoint <> $2
    ) < $7
on conflict (sha256(endpoint::bytea)) do update
set
    user_id = excluded.user_id,
    p256dh = excluded.p256dh,
    auth = excluded.auth,
    vapid_key_id = excluded.vapid_key_id,
    device = excluded.device,
    updated_at = now()
returning s.id;
