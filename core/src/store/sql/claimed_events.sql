-- The events $1 of a claimed batch, as far as sending takes them, and as far as they are among the first events between
-- $2 and $3, twice as many as are asked for. What was emitted together is mostly claimed together: to read through it
-- takes half of what looking each up takes. The channels, an array that no worker reads, cost a drain one part in 12.
-- An expression, `is true`, compares by a hash always; a join would be a nested loop if planned while there is little.
select
    near.id,
    near.key,
    near.user_id,
    near.type as kind,
    near.title,
    near.body,
    near.level,
    near.cta as "cta: Json<Cta>",
    near.data as "data: Json<Box<RawValue>>",
    near.deliver_at as "deliver_at: SqlTimestamp",
    near.expires_at as "expires_at: SqlTimestamp",
    near.collapse_key,
    near.created_at as "created_at: SqlTimestamp"
from (
    select *
    from eventcenter.events
    where id between $2 and $3
    order by id
    limit 2 * cardinality($1::uuid[])
) as near
where (near.id in (select unnest($1))) is true;
