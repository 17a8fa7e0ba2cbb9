-- What follows each reader's cursor, at most $3 entries for each. Served by the inbox's primary key.
select
    i.user_id as "user_id!",
    i.seq as "seq!",
    i.event_id as "event_id!"
from unnest($1::bigint[], $2::bigint[]) as reader (user_id, after)
cross join lateral (
    select n.user_id, n.seq, n.event_id from eventcenter.inbox as n
    where n.user_id = reader.user_id and n.seq > reader.after
    order by n.seq
    limit $3
) as i
order by i.user_id, i.seq;
