-- For gauges: how long each channel's oldest due delivery has waited, by one index probe a channel.
select
    c.channel as "channel!",
    coalesce((
        select extract(epoch from clock_timestamp() - d.due_at) from eventcenter.deliveries as d
        where d.channel = c.channel and not d.quarantined and d.due_at <= statement_timestamp()
        order by d.due_at
        limit 1
    ), 0)::double precision as "lag_s!",
    (
        select count(*) from eventcenter.ended as a
        where a.channel = c.channel and a.outcome = 'dead'
    ) as "dead_letters!"
from unnest($1::text[]) as c (channel);
