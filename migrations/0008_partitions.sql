-- Daily partitions of events, attempts and engagements: made ahead, dropped when old, and never in an emit's way.

create view eventcenter.partitions as
select
    p.relname::text as parent,
    c.relname::text as name,
    to_date(substring(c.relname from '_p(\d{8})$'), 'YYYYMMDD') as day
from pg_catalog.pg_inherits as i
join pg_catalog.pg_class as c on c.oid = i.inhrelid
join pg_catalog.pg_class as p on p.oid = i.inhparent
where
    p.oid in (
        'eventcenter.events'::regclass, 'eventcenter.attempts'::regclass, 'eventcenter.engagements'::regclass
    )
    and c.relname ~ '_p\d{8}$';

create function eventcenter.day_floor(day date) returns uuid
language sql immutable parallel safe
return eventcenter.uuid7_floor(day::timestamp at time zone 'UTC');

-- Makes today's partitions and those of the next days. Made apart and then attached: CREATE … PARTITION OF waits for
-- every open emit, and every later emit would queue behind it; ATTACH does neither. What fell into the net meanwhile
-- moves over first, since ATTACH refuses while the net has rows of that day.
create function eventcenter.create_partitions(p_days_ahead integer) returns integer
language plpgsql as $$
declare
    v_parent text;
    v_day date;
    v_name text;
    v_key text;
    v_from uuid;
    v_to uuid;
    v_is_astray boolean;
    v_made integer := 0;
begin
    for v_parent, v_key, v_day in
        select p.parent, p.key, (now() at time zone 'UTC')::date + d.ahead
        from (values ('events', 'id'), ('attempts', 'event_id'), ('engagements', 'event_id')) as p (parent, key)
        cross join generate_series(0, p_days_ahead) as d (ahead)
    loop
        v_name := format('%s_p%s', v_parent, to_char(v_day, 'YYYYMMDD'));
        continue when to_regclass('eventcenter.' || v_name) is not null;
        v_from := eventcenter.day_floor(v_day);
        v_to := eventcenter.day_floor(v_day + 1);
        execute format('create table eventcenter.%I (like eventcenter.%I including all)', v_name, v_parent);
        execute format(
            'select exists (select from eventcenter.%I where %I >= %L and %I < %L)',
            v_parent || '_default', v_key, v_from, v_key, v_to
        ) into v_is_astray;
        if v_is_astray then
            execute format('lock table eventcenter.%I in access exclusive mode', v_parent || '_default');
            execute format(
                'with astray as (delete from eventcenter.%I where %I >= %L and %I < %L returning *)
                insert into eventcenter.%I select * from astray',
                v_parent || '_default', v_key, v_from, v_key, v_to, v_name
            );
        end if;
        execute format(
            'alter table eventcenter.%I attach partition eventcenter.%I for values from (%L) to (%L)',
            v_parent, v_name, v_from, v_to
        );
        v_made := v_made + 1;
    end loop;
    return v_made;
end $$;

-- Drops the oldest day that is past keeping, all its tables at once; answers it, or null when there is none. Refuses a
-- day in which something is outstanding. A plain DETACH needs the parent for a moment: it waits 100 ms at most, fails
-- with 55P03 (lock_not_available), and the caller tries again later.
create function eventcenter.drop_partition(p_keep_days integer) returns date
language plpgsql set lock_timeout = '100ms' as $$
declare
    v_day date;
    v_from uuid;
    v_to uuid;
    v_name text;
begin
    select min(day) into v_day from eventcenter.partitions
    where day < (now() at time zone 'UTC')::date - p_keep_days;
    if v_day is null then
        return null;
    end if;
    v_from := eventcenter.day_floor(v_day);
    v_to := eventcenter.day_floor(v_day + 1);
    if exists (select from eventcenter.deliveries where event_id >= v_from and event_id < v_to)
        or exists (select from eventcenter.leased where event_id >= v_from and event_id < v_to) then
        raise exception 'partition of % still has outstanding deliveries', v_day using
            errcode = 'object_not_in_prerequisite_state',
            hint = 'Settle, cancel or redrive them first: eventcenter dead list, GET /api/deliveries.';
    end if;
    for v_name, v_day in
        select p.name, p.day from eventcenter.partitions as p where p.day = v_day order by p.parent
    loop
        execute format(
            'alter table eventcenter.%I detach partition eventcenter.%I', split_part(v_name, '_p', 1), v_name
        );
        execute format('drop table eventcenter.%I', v_name);
    end loop;
    return v_day;
end $$;

-- Keys, cancellations, actions and answers of events whose day was dropped, up to p_limit keys a call. They live as
-- long as their event: a day that could not be dropped keeps both. And the rates of whoever has not tested for long,
-- and digests so old that no item of theirs can still come.
create function eventcenter.forget_keys(p_limit integer) returns bigint
language plpgsql as $$
declare
    v_before uuid := (select eventcenter.day_floor(min(day)) from eventcenter.partitions where parent = 'events');
    v_forgotten bigint;
begin
    delete from eventcenter.cancellations where event_id < v_before;
    delete from eventcenter.actions where event_id < v_before;
    delete from eventcenter.answers where event_id < v_before;
    delete from eventcenter.loopback_rates where empty_at < statement_timestamp();
    delete from eventcenter.digests where period < current_date - 35;
    with old as (
        select key from eventcenter.event_keys
        where event_id < v_before
        limit p_limit
    )
    delete from eventcenter.event_keys where key in (select key from old);
    get diagnostics v_forgotten = row_count;
    return v_forgotten;
end $$;

select eventcenter.create_partitions(8);

-- Postgres lets everyone call a new function, and default privileges cannot take that back for one schema alone. So
-- every migration that makes functions ends like this: an emitter may call what was granted to it by name.
revoke execute on all functions in schema eventcenter from public;
