-- Moves cursors of devices forward: $1 people, $2 devices, $3 numbers. At most $4 devices of a person are kept.
select eventcenter.acknowledge($1, $2, $3, $4);
