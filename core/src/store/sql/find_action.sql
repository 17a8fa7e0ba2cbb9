-- The newest event that asks $1 under the name $2, and the database's time. Served by the primary key.
select
    a.event_id,
    statement_timestamp() as "now!: SqlTimestamp"
from eventcenter.actions as a
where
    a.user_id = $1
    and a.action_id = $2
order by a.event_id desc
limit 1;
