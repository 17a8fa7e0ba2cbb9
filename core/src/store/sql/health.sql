-- What readiness and the doctor ask: partitions ahead of today, rows in the nets, the oldest open transaction.
select
    coalesce((
        select max(p.day) - (now() at time zone 'UTC')::date from eventcenter.partitions as p where p.parent = 'events'
    ), -1) as "days_ahead!",
    (select count(*) from (select from eventcenter.events_default limit 1000) as stray) as "in_default!",
    coalesce((
        select extract(epoch from max(clock_timestamp() - a.xact_start)) from pg_stat_activity as a
        where a.datname = current_database() and a.pid <> pg_backend_pid()
    ), 0)::double precision as "oldest_transaction_s!",
    extract(epoch from clock_timestamp())::double precision as "clock_s!",
    current_setting('server_version_num')::integer as "server_version!";
