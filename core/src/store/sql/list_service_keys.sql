-- All keys ever made, without their secrets.
select
    k.id,
    k.name,
    k.prefix,
    k.created_at as "created_at: SqlTimestamp",
    k.revoked_at as "revoked_at: SqlTimestamp"
from eventcenter.service_keys as k
order by k.id;
