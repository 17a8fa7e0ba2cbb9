-- A node that stops in order: whatever it still holds does not count from now on, and is swept.
update eventcenter.nodes as n
set seen_at = clock_timestamp(), until = clock_timestamp()
where n.id = $1;
