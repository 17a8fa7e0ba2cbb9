-- Which of these channels have a delivery that came due within $2 seconds, ready to be claimed. Two index probes.
select c.channel as "channel!"
from unnest($1::text[]) as c (channel)
where
    exists (
        select from eventcenter.deliveries as d
        where
            d.channel = c.channel
            and not d.quarantined
            and d.due_at <= statement_timestamp()
            and d.due_at >= statement_timestamp() - make_interval(secs => $2)
    );
