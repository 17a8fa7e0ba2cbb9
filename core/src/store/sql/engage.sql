-- A browser displayed a push, or its person clicked on it, which they cannot do before. Writes nothing the second time,
-- and nothing for an event whose day was dropped.
insert into eventcenter.engagements as g (event_id, channel, target, clicked_at)
select
    e.id,
    'push',
    $2,
    case when $3 then clock_timestamp() end
from eventcenter.events as e
where e.id = $1
on conflict (event_id, channel, target) do update
set clicked_at = excluded.clicked_at
where g.clicked_at is null and excluded.clicked_at is not null;
