-- Removes a person's own browser. Served by an_endpoint_has_one_subscription.
delete from eventcenter.push_subscriptions as s
where s.user_id = $1 and s.endpoint = $2;
