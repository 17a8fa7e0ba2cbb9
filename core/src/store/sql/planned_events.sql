-- These events, whole. The bounds let the planner leave out the partitions of other days: an array alone prunes only in
-- a custom plan.
select
    e.id,
    e.key,
    e.user_id,
    e.type as kind,
    e.title,
    e.body,
    e.level,
    e.channels,
    e.channel_hint,
    e.cta as "cta: Json<Cta>",
    e.data as "data: Json<Box<RawValue>>",
    e.deliver_at as "deliver_at: SqlTimestamp",
    e.expires_at as "expires_at: SqlTimestamp",
    e.collapse_key,
    e.created_at as "created_at: SqlTimestamp"
from eventcenter.events as e
where
    e.id = any($1)
    and e.id between $2 and $3;
