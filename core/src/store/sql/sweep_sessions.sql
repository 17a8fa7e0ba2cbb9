-- Forgets sessions of nodes that are gone, at most $1.
select eventcenter.sweep_sessions($1) as "has_more!";
