-- Forgets up to $1 keys of events whose day was dropped.
select eventcenter.forget_keys($1) as "forgotten!";
