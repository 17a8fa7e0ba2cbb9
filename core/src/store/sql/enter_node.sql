-- Makes a node known under a name that it has just taken.
insert into eventcenter.nodes (id, seen_at, until)
values ($1, clock_timestamp(), clock_timestamp() + make_interval(secs => $2));
