-- What a person calls their own browser.
update eventcenter.push_subscriptions as s
set name = $3
where s.id = $2 and s.user_id = $1;
