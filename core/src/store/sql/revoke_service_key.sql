-- A revoked key stays listed and is never accepted again.
update eventcenter.service_keys as k
set revoked_at = coalesce(k.revoked_at, now())
where k.id = $1;
