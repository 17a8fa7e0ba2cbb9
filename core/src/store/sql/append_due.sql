-- Moves up to $1 due ws deliveries into their streams, from $2 seconds before now on (null: however old).
select eventcenter.append_due(
    $1, coalesce(statement_timestamp() - make_interval(secs => $2::double precision), '-infinity')
) as "appended!";
