-- Removes a person's own browser.
delete from eventcenter.push_subscriptions as s
where s.user_id = $1 and sha256(s.endpoint::bytea) = sha256($2::text::bytea);
