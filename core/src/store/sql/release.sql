-- Gives back what was claimed and not started: due at once, or where $4 says so, later.
select eventcenter.release($1, $2, $3, $4) as "released!";
