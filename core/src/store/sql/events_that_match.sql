-- Those of the events $1 that are of the type $4 and from the service $5; null leaves a filter out. The bounds let the
-- planner leave out the partitions of other days.
select e.id from eventcenter.events as e
where
    e.id = any($1)
    and e.id between $2 and $3
    and ($4::text is null or e.type = $4)
    and ($5::text is null or coalesce(e.data ->> 'service', e.data ->> 'source_service') = $5);
