-- Lets one more test of $1 in, if it is within one in $2 seconds with a burst of $3: the generic cell rate algorithm.
-- A row if so.
insert into eventcenter.loopback_rates as r (user_id, empty_at)
values ($1, statement_timestamp() + make_interval(secs => $2))
on conflict (user_id) do update
set empty_at = greatest(r.empty_at, statement_timestamp()) + make_interval(secs => $2)
where greatest(r.empty_at, statement_timestamp()) + make_interval(secs => $2)
    <= statement_timestamp() + make_interval(secs => $2) * $3
returning r.user_id;
