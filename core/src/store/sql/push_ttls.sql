-- How long each type may wait at a push service.
select
    t.type as kind,
    t.push_ttl_s
from eventcenter.event_types as t
where t.type = any($1);
