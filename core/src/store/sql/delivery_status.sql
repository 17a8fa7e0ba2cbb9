-- Where each delivery of an event stands.
select
    s.channel as "channel!",
    s.state as "state!",
    s.reason,
    s.due_at as "due_at: SqlTimestamp",
    s.seq,
    s.changed_at as "changed_at: SqlTimestamp",
    s.displayed_at as "displayed_at: SqlTimestamp",
    s.clicked_at as "clicked_at: SqlTimestamp"
from eventcenter.delivery_status as s
where s.event_id = $1;
