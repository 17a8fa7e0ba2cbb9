-- Removes a person's own browser.
delete from eventcenter.push_subscriptions as s
where s.id = $2 and s.user_id = $1;
