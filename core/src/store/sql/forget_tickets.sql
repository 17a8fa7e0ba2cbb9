-- Forgets tickets that nobody redeemed in time.
delete from eventcenter.tickets as t
where t.expires_at < clock_timestamp();
