-- What a client's position in a stream rests on: the epoch, within which numbers mean what they meant, and the cursors
-- of devices.

-- The name of the present epoch. Another database, or this one taken back to an earlier day, gives numbers a second
-- time: then the epoch changes, and positions of the one before are told apart from our own.
create table eventcenter.epoch (
    is_the_only_row boolean primary key default true,
    name text not null,
    -- A dump that is restored is written by another transaction than this one.
    written_by bigint not null,
    -- A physical copy that is recovered, or a standby that is promoted, begins another timeline.
    timeline text not null,
    constraint there_is_one_epoch check (is_the_only_row),
    constraint name_is_8_plain_characters check (name ~ '^[A-Za-z0-9_-]{8}$')
);

create function eventcenter.timeline() returns text
language sql volatile
return substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8);

-- 48 random bits as base64url: the first bits of a UUIDv4.
create function eventcenter.new_epoch_name() returns text
language sql volatile
return translate(substr(encode(uuid_send(gen_random_uuid()), 'base64'), 1, 8), '+/', '-_');

insert into eventcenter.epoch (name, written_by, timeline)
select eventcenter.new_epoch_name(), pg_current_xact_id()::text::bigint % 4294967296, eventcenter.timeline();

create function eventcenter.begin_epoch() returns void
language sql
begin atomic
    update eventcenter.epoch as e
    set
        name = eventcenter.new_epoch_name(),
        written_by = pg_current_xact_id()::text::bigint % 4294967296,
        timeline = eventcenter.timeline();
end;

-- The present epoch; begins a new one when this database is no longer the one in which the last began. Two who notice
-- at once begin one, since the second waits for the first and finds that it holds.
create function eventcenter.current_epoch() returns text
language plpgsql as $$
declare
    v_name text;
    v_holds boolean;
begin
    select e.name, e.xmin::text::bigint = e.written_by and e.timeline = eventcenter.timeline() into v_name, v_holds
    from eventcenter.epoch as e;
    if v_holds then
        return v_name;
    end if;
    perform from eventcenter.epoch for update;
    select e.name, e.xmin::text::bigint = e.written_by and e.timeline = eventcenter.timeline() into v_name, v_holds
    from eventcenter.epoch as e;
    if v_holds then
        return v_name;
    end if;
    perform eventcenter.begin_epoch();
    return (select e.name from eventcenter.epoch as e);
end $$;

-- Streams that begin anew give each number a second time.
create function eventcenter.streams_begin_anew() returns trigger
language plpgsql as $$
begin
    truncate eventcenter.devices;
    perform eventcenter.begin_epoch();
    return null;
end $$;

create trigger streams_begin_anew after truncate on eventcenter.streams
execute function eventcenter.streams_begin_anew();

-- Moves cursors of devices forward, never back. A person has at most p_devices_max cursors: those that have not moved
-- for longest are forgotten, since names of devices come from clients. Rows are locked in their order, so two nodes
-- cannot wait for each other.
create function eventcenter.acknowledge(
    p_user_ids bigint[], p_devices text[], p_seqs bigint[], p_devices_max integer
) returns void
language plpgsql
set enable_seqscan = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare
    v_user_ids bigint[];
begin
    with moved as (
        insert into eventcenter.devices as d (user_id, device, acked_seq)
        select a.user_id, a.device, a.seq from unnest(p_user_ids, p_devices, p_seqs) as a (user_id, device, seq)
        order by a.user_id, a.device
        on conflict (user_id, device) do update
        set acked_seq = excluded.acked_seq, acked_at = now()
        where d.acked_seq < excluded.acked_seq
        returning d.user_id, d.xmax = 0 as is_new
    )
    select array_agg(distinct m.user_id) into v_user_ids from moved as m
    where m.is_new;
    delete from eventcenter.devices as d
    using (
        select v.user_id, v.device, row_number() over (partition by v.user_id order by v.acked_at desc) as place
        from eventcenter.devices as v
        where v.user_id = any(v_user_ids)
    ) as old
    where old.place > p_devices_max and d.user_id = old.user_id and d.device = old.device;
end $$;

revoke execute on all functions in schema eventcenter from public;
