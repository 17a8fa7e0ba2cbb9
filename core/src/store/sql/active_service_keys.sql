-- The keys that are accepted now: few, so every process holds them all.
select
    k.id,
    k.hash
from eventcenter.service_keys as k
where k.revoked_at is null;
