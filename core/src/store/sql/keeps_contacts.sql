-- Whether contacts are ours to write: an operator may have put a view over the host's users in the table's place.
select c.relkind = 'r' as "keeps!" from pg_catalog.pg_class as c
where c.oid = 'eventcenter.recipients'::regclass;
