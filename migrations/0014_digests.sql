-- Digests: mail that can wait for a person's own hour, in one letter a day or a week.

-- What waits for a digest. Written in the event's own transaction, and nothing that two such transactions could wait
-- for: the window itself comes into being when it is sealed.
create table eventcenter.digest_items (
    event_id uuid not null,
    user_id bigint not null,
    cadence text not null,
    -- The local date of the letter; for a week its Monday. Not an instant, so no change of the clocks makes two of it.
    period date not null,
    due_at timestamptz not null,
    constraint an_event_waits_for_one_digest primary key (event_id),
    constraint cadence_is_daily_or_weekly check (cadence in ('daily', 'weekly'))
);
create index digest_items_due on eventcenter.digest_items (due_at);
create index digest_items_of_user on eventcenter.digest_items (user_id);

-- Windows that are over. The key is the promise: one a person, cadence and local date, whoever seals and however often.
create table eventcenter.digests (
    user_id bigint not null,
    cadence text not null,
    period date not null,
    -- The letter, an event like any other; null when everything in it had been read.
    event_id uuid,
    items integer not null,
    sealed_at timestamptz not null default now(),
    constraint a_digest_is_sealed_once_per_person_cadence_and_date primary key (user_id, cadence, period)
);
-- The old ones are forgotten: see forget_keys().
create index digests_by_age on eventcenter.digests (period);

-- A zone that Postgres can reckon with, whatever a host's own table says.
create function eventcenter.known_time_zone(p_zone text) returns text
language sql stable
return case when eventcenter.is_time_zone(p_zone) then p_zone else 'UTC' end;

-- The first window that closes after p_at. An hour that the clock skips comes as much later as it skips; one that it
-- shows twice is the second. It is the date that counts, so neither is a second letter.
create function eventcenter.next_digest(
    p_cadence text, p_hour integer, p_zone text, p_at timestamptz, out period date, out due_at timestamptz
)
language plpgsql stable as $$
declare
    v_zone text := eventcenter.known_time_zone(p_zone);
    v_days integer := case p_cadence when 'weekly' then 7 else 1 end;
begin
    period := (p_at at time zone v_zone)::date;
    if p_cadence = 'weekly' then
        period := date_trunc('week', period)::date;
    end if;
    loop
        due_at := (period + make_time(least(greatest(coalesce(p_hour, 9), 0), 23), 0, 0)) at time zone v_zone;
        exit when due_at > p_at;
        period := period + v_days;
    end loop;
end $$;

-- Moves the mail of these freshly planned events into the windows of people who want digests. A host's own table may
-- hold any hour; one that no day has must not fail an emit.
create function eventcenter.join_digests(p_event_ids uuid[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    with gathered as (
        delete from eventcenter.deliveries as d
        using eventcenter.recipients as r
        where
            d.event_id = any(p_event_ids)
            and d.channel = 'email'
            and r.user_id = d.user_id
            and r.digest in ('daily', 'weekly')
        returning d.event_id, d.user_id, d.due_at, r.digest, r.digest_hour, r.time_zone
    ),
    joined as (
        insert into eventcenter.digest_items (event_id, user_id, cadence, period, due_at)
        select g.event_id, g.user_id, g.digest, n.period, n.due_at
        from gathered as g
        cross join eventcenter.next_digest(g.digest, g.digest_hour, g.time_zone, g.due_at) as n
    )
    insert into eventcenter.attempts (event_id, channel, attempt, target, outcome, balance)
    select g.event_id, 'email', 0, '', 'digested', 1 from gathered as g;
end $$;

-- What a letter says of its items: the newest of those that share a collapse key, at most 20 of them, by level and then
-- the newest, in groups by service. What is longest is cut, and items beyond 20 KiB are left to the count, so that the
-- whole stays within an event's data: one that did not would keep everybody's letters back. The ids are ascending;
-- their bounds let the planner leave out the partitions of other days, and the plan is kept, since making it costs 50
-- ms.
create function eventcenter.digest_data(p_cadence text, p_period date, p_zone text, p_event_ids uuid[]) returns jsonb
language plpgsql stable
set enable_seqscan = off set jit = off set plan_cache_mode = force_generic_plan as $$
begin
    return (
        with told as (
            select distinct on (e.type, coalesce(e.collapse_key, e.id::text))
                e.*,
                count(*) over (partition by e.type, coalesce(e.collapse_key, e.id::text)) as times
            from eventcenter.events as e
            where
                e.id = any(p_event_ids)
                and e.id between p_event_ids[1] and p_event_ids[cardinality(p_event_ids)]
            order by e.type asc, coalesce(e.collapse_key, e.id::text) asc, e.id desc
        ),
        item as (
            select
                coalesce(nullif(left(t.data ->> 'service', 64), ''), split_part(t.type, '.', 1)) as name,
                row_number() over (
                    order by array_position('{critical,error,warning,info}', t.level), t.id desc
                ) as place,
                jsonb_strip_nulls(jsonb_build_object(
                    'id', eventcenter.public_id(t.id, t.key),
                    'title', left(t.title, 120),
                    'url', case when octet_length(t.cta ->> 'url') <= 500 then t.cta ->> 'url' end,
                    'at', to_char(
                        t.created_at at time zone p_zone, case p_cadence when 'weekly' then 'DD.MM' else 'HH24:MI' end
                    ),
                    'count', nullif(t.times, 1)
                )) as shown
            from told as t
        ),
        fitting as (
            select i.*, sum(octet_length(i.shown::text)) over (order by i.place) <= 20480 as fits from item as i
            where i.place <= 20
        ),
        service_group as (
            select f.name, min(f.place) as place, jsonb_agg(f.shown order by f.place) as items
            from fitting as f
            where f.fits
            group by f.name
        )
        select jsonb_build_object(
            'cadence', p_cadence,
            'period', p_period,
            'groups', (
                select jsonb_agg(jsonb_build_object('name', g.name, 'items', g.items) order by g.place)
                from service_group as g
            ),
            'more', (select count(*) from item) - (select count(*) from fitting as f where f.fits)
        )
    );
end $$;

-- Of these events, in ascending order, those that a letter may still tell of: not expired, not read or put away
-- meanwhile, and not switched off or unsubscribed from since. Planned as digest_data() is.
create function eventcenter.worth_telling(p_user_id bigint, p_event_ids uuid[], p_now timestamptz) returns uuid[]
language plpgsql stable
set enable_seqscan = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare
    v_people bigint[] := array_fill(p_user_id, array[cardinality(p_event_ids)]);
begin
    return (
        select array_agg(e.id order by e.id)
        from eventcenter.events as e
        left join eventcenter.inbox as i on i.user_id = p_user_id and i.event_id = e.id
        left join eventcenter.rulings('email', p_event_ids, v_people) as r on r.event_id = e.id
        where
            e.id = any(p_event_ids)
            and e.id between p_event_ids[1] and p_event_ids[cardinality(p_event_ids)]
            and coalesce(e.expires_at > p_now, true)
            and i.read_at is null
            and i.archived_at is null
            and r.reason is null
    );
end $$;

-- Seals the windows of up to p_limit people whose hour has come, and answers how many letters that makes. All that is
-- due of a person is one letter, so a downtime of days is caught up by one. An item that came too late for its window,
-- because its producer's transaction was long, waits for the next.
-- One transaction: the window, the letter's event and its delivery exist together or not at all.
create function eventcenter.seal_digests(p_limit integer, p_now timestamptz default statement_timestamp())
returns integer
language plpgsql as $$
declare
    v_due record;
    v_ids uuid[];
    v_letter uuid;
    v_letters integer := 0;
begin
    for v_due in
        with due as (
            select i.event_id, i.user_id, i.cadence, i.period from eventcenter.digest_items as i
            where i.user_id in (
                select d.user_id from eventcenter.digest_items as d
                where d.due_at <= p_now
                group by d.user_id
                order by min(d.due_at)
                limit p_limit
            ) and i.due_at <= p_now
            for update skip locked
        )
        select due.user_id, due.cadence, max(due.period) as period,
            array_agg(due.event_id order by due.event_id) as event_ids
        from due
        group by due.user_id, due.cadence
        order by due.user_id
    loop
        insert into eventcenter.digests (user_id, cadence, period, items)
        select v_due.user_id, v_due.cadence, v_due.period, 0
        where
            not exists (
                select from eventcenter.digests as d
                where d.user_id = v_due.user_id and d.cadence = v_due.cadence and d.period > v_due.period
            )
        on conflict do nothing;
        if not found then
            update eventcenter.digest_items as i
            set period = n.period, due_at = n.due_at
            from (select v_due.user_id as user_id) as u
            left join eventcenter.recipients as r using (user_id)
            cross join eventcenter.next_digest(
                v_due.cadence, r.digest_hour, r.time_zone,
                -- Past the day of the sealed window: the person may have put their hour later since.
                greatest(p_now, (v_due.period + 1)::timestamp at time zone eventcenter.known_time_zone(r.time_zone))
            ) as n
            where i.event_id = any(v_due.event_ids);
            continue;
        end if;
        delete from eventcenter.digest_items as i where i.event_id = any(v_due.event_ids);
        v_ids := eventcenter.worth_telling(v_due.user_id, v_due.event_ids, p_now);
        continue when v_ids is null;
        insert into eventcenter.events (user_id, type, title, body, channels, data)
        select
            v_due.user_id, 'digest', format(case when r.locale ilike 'ru%' then 'Сводка (%s)' else 'Digest (%s)' end, cardinality(v_ids)),
            '', '{email}',
            eventcenter.digest_data(v_due.cadence, v_due.period, eventcenter.known_time_zone(r.time_zone), v_ids)
        from (select v_due.user_id as user_id) as u
        left join eventcenter.recipients as r using (user_id)
        returning id into v_letter;
        update eventcenter.digests as d
        set event_id = v_letter, items = cardinality(v_ids)
        where d.user_id = v_due.user_id and d.cadence = v_due.cadence and d.period = v_due.period;
        v_letters := v_letters + 1;
    end loop;
    return v_letters;
end $$;

insert into eventcenter.event_types (type, channels, noise, push_ttl_s)
values ('digest', '{email}', '{ws,push}', 86400);

revoke execute on all functions in schema eventcenter from public;
