-- Prolongs the leases that still exist; whatever is missing from the answer has been lost.
update eventcenter.leases as l
set until = clock_timestamp() + make_interval(secs => $3)
where l.id = any($1) and l.worker = $2
returning l.id;
