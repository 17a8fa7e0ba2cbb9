-- Whether these people are connected, and when those who are not were last seen.
select
    p.user_id as "user_id!",
    p.sessions as "sessions!",
    p.since as "since: SqlTimestamp",
    p.last_seen_at as "last_seen_at: SqlTimestamp"
from eventcenter.presence($1) as p
order by p.user_id;
