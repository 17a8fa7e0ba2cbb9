-- Removes endpoints that their push service says are gone, unless the browser renewed them since they were loaded.
delete from eventcenter.push_subscriptions as s
using unnest($1::uuid[], $2::text[]) as gone (id, endpoint)
where s.id = gone.id and s.endpoint = gone.endpoint;
