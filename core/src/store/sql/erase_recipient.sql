-- Forgets how to reach a person: their contact and their browsers.
with browsers as (
    delete from eventcenter.push_subscriptions as s
    where s.user_id = $1
)
delete from eventcenter.recipients as r
where r.user_id = $1;
