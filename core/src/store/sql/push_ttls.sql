-- How long types may wait at a push service. What is not listed may wait for a day.
select
    t.type as kind,
    t.push_ttl_s
from eventcenter.event_types as t
where t.push_ttl_s <> 86400;
