-- The event that has a producer's own name.
select k.event_id from eventcenter.event_keys as k
where k.key = $1;
