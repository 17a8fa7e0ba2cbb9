-- Every try of an event, oldest first. Served by the primary key of one partition.
select
    a.channel,
    a.attempt,
    a.target,
    a.outcome,
    a.reason,
    a.provider_code,
    a.duration_ms,
    a.at as "at: SqlTimestamp"
from eventcenter.attempts as a
where a.event_id = $1
order by a.channel, a.attempt, a.target;
