-- Forgets up to $2 keys of events older than $1 days.
select eventcenter.forget_keys($1, $2) as "forgotten!";
