-- Moves up to $1 due ws deliveries into their streams, from $2 seconds before now on (null: however old), and tells
-- which of the channels $3 have a delivery that came due within $4 seconds: one index probe each. One statement, since
-- an idle installation runs it forty times a second.
select
    eventcenter.append_due(
        $1, coalesce(statement_timestamp() - make_interval(secs => $2::double precision), '-infinity')
    ) as "appended!",
    array(
        select c.channel from unnest($3::text[]) as c (channel)
        where exists (
            select from eventcenter.deliveries as d
            where
                d.channel = c.channel
                and not d.quarantined
                and d.due_at <= statement_timestamp()
                and d.due_at >= statement_timestamp() - make_interval(secs => $4)
        )
    ) as "due!";
