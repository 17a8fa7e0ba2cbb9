-- Brings back up to $1 entries that were snoozed until now.
select eventcenter.return_snoozed($1) as "returned!";
