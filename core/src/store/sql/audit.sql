-- The books since $1 seconds ago (null: ever).
select
    a.channel as "channel!",
    a.planned as "planned!",
    a.waiting as "waiting!",
    a.leased as "leased!",
    a.settled as "settled!",
    a.astray as "astray!"
from eventcenter.audit(coalesce(now() - make_interval(secs => $1::double precision), 'epoch')) as a;
