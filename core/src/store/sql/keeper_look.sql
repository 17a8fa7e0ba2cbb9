-- Which of the channels $1 have a delivery that came due within $2 seconds. One index probe each: an idle installation
-- runs it ten times a second.
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
