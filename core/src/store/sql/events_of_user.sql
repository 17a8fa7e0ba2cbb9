-- A person's history, newest first, below the cursor $3. Served by events_of_user in each partition, newest first,
-- until the limit is reached.
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
    e.user_id = $1
    and ($2::text is null or e.type = $2)
    and e.id < $3
order by e.id desc
limit $4;
