-- Where streams and devices' cursors stand, for sessions that begin: one row each, in their order. Three probes of
-- primary keys each. The epoch is of the same moment; asking for it may begin a new one.
select
    e.name as "epoch!",
    coalesce(s.last_seq, 0) as "last_seq!",
    coalesce(s.trimmed_to, 0) as "trimmed_to!",
    own.acked_seq as "device_seq?",
    furthest.acked_seq as "furthest_seq?"
from unnest($1::bigint[], $2::text[]) with ordinality as asked (user_id, device, place)
cross join (select eventcenter.current_epoch() as name) as e
left join eventcenter.streams as s on s.user_id = asked.user_id
left join eventcenter.devices as own on own.user_id = asked.user_id and own.device = asked.device
left join lateral (
    select max(d.acked_seq) as acked_seq from eventcenter.devices as d
    where d.user_id = asked.user_id
) as furthest on true
order by asked.place;
