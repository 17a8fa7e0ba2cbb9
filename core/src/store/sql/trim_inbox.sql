-- Forgets up to about $2 inbox entries older than $1 days.
select eventcenter.trim_inbox(make_interval(days => $1), $2) as "trimmed!";
