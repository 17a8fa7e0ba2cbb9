-- Gives back what was claimed and not started.
select eventcenter.release($1, $2, $3) as "released!";
