-- The two doors besides a plain insert: emit() for services that speak SQL, emit_batch() for our own HTTP.

-- Whether an event under a known key says the same as the one that has the key.
create function eventcenter.says_the_same(
    e eventcenter.events, user_id bigint, type text, title text, body text, level text, channels text[],
    channel_hint text, cta jsonb, data jsonb, deliver_at timestamptz, expires_at timestamptz, collapse_key text
) returns boolean
language sql stable
return (
    (
        e.user_id, e.type, e.title, e.body, e.level, e.cta, e.data,
        e.deliver_at, e.expires_at, e.collapse_key, e.channel_hint
    )
    is not distinct from
    ($2, $3, $4, $5, coalesce($6, 'info'), $9, $10, $11, $12, $13, $8)
    and ($7 is null or (e.channels @> $7 and e.channels <@ $7))
);

create function eventcenter.refuse(p_field text, p_rule text) returns void
language plpgsql as $$
begin
    raise exception 'event.% must be %', p_field, p_rule using
        errcode = 'invalid_parameter_value',
        constraint = p_field || '_is_' || replace(p_rule, ' ', '_'),
        column = p_field;
end $$;

-- One event as the JSON that POST /events takes; answers its public id. A known id answers the event that has it,
-- and raises a unique violation when that one says something else. In the caller's transaction: what rolls back was
-- never said. A service that emits several in one transaction should do so in the order of their ids.
create function eventcenter.emit(event jsonb) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    v_field text;
    v_type text;
    v_wanted text;
    v_key text := event ->> 'id';
    v_channels text[];
    v_known eventcenter.events;
    v_new eventcenter.events;
begin
    if jsonb_typeof(event) is distinct from 'object' then
        perform eventcenter.refuse('event', 'an object');
    end if;
    for v_field, v_type in select f.key, jsonb_typeof(f.value) from jsonb_each(event) as f loop
        v_wanted := case
            when v_field = 'user_id' then 'number'
            when v_field = 'channels' then 'array'
            when v_field in ('cta', 'data') then 'object'
            when v_field in (
                'id', 'type', 'title', 'body', 'level', 'channel_hint', 'deliver_at', 'expires_at', 'collapse_key'
            ) then 'string'
        end;
        if v_wanted is null then
            perform eventcenter.refuse(v_field, 'absent: it is not a field of an event');
        elsif v_type <> v_wanted and (v_type <> 'null' or v_field in ('user_id', 'type', 'title', 'body')) then
            perform eventcenter.refuse(v_field, 'of type ' || v_wanted);
        elsif v_field in ('deliver_at', 'expires_at') and event ->> v_field !~ '^\d{4}-\d\d-\d\dT.+(Z|[+-]\d\d:\d\d)$' then
            perform eventcenter.refuse(v_field, 'a time with its offset (RFC 3339)');
        end if;
    end loop;
    if event ->> 'user_id' !~ '^\d+$' or (event ->> 'user_id')::numeric not between 1 and 9223372036854775807 then
        perform eventcenter.refuse('user_id', 'an integer from 1 to 2^63-1');
    end if;
    if jsonb_typeof(event -> 'channels') = 'array' then
        v_channels := array(select jsonb_array_elements_text(event -> 'channels'));
    end if;

    if v_key is not null then
        perform pg_advisory_xact_lock(eventcenter.key_lock(v_key));
        -- In two steps: to plan a join takes a look at every day, 30 ms and more, and new keys need none.
        v_known.id := (select k.event_id from eventcenter.event_keys as k where k.key = v_key);
        if v_known.id is not null then
            select e.* into v_known from eventcenter.events as e where e.id = v_known.id;
        end if;
        if v_known.id is not null then
            if not eventcenter.says_the_same(
                v_known, (event ->> 'user_id')::bigint, event ->> 'type', event ->> 'title', event ->> 'body',
                event ->> 'level', v_channels, event ->> 'channel_hint', nullif(event -> 'cta', 'null'),
                nullif(event -> 'data', 'null'), (event ->> 'deliver_at')::timestamptz,
                (event ->> 'expires_at')::timestamptz, event ->> 'collapse_key'
            ) then
                raise unique_violation using
                    message = format('event %s exists and says something else', v_key),
                    constraint = 'an_event_key_is_used_once';
            end if;
            return v_key;
        end if;
    end if;

    insert into eventcenter.events
        (key, user_id, type, title, body, level, channels, channel_hint, cta, data, deliver_at, expires_at, collapse_key)
    values (
        v_key, (event ->> 'user_id')::bigint, event ->> 'type', event ->> 'title', event ->> 'body',
        coalesce(event ->> 'level', 'info'), v_channels, event ->> 'channel_hint', nullif(event -> 'cta', 'null'),
        nullif(event -> 'data', 'null'), (event ->> 'deliver_at')::timestamptz,
        (event ->> 'expires_at')::timestamptz, event ->> 'collapse_key'
    )
    returning * into v_new;
    return eventcenter.public_id(v_new.id, v_new.key);
end $$;

grant execute on function eventcenter.emit to eventcenter_emitter;

-- A batch of HTTP emits in one statement, one commit and at most a handful of NOTIFYs: stores, plans (by the
-- trigger), appends to the streams what is due for ws, without the detour of a delivery, and wakes the workers of other
-- channels. Parallel arrays, one element an event; channels are joined by commas, since arrays of arrays must be
-- rectangular.
-- Per event: new; duplicate (the key's event says the same); conflict (it says something else); or busy (another
-- transaction is writing this key right now: nobody waits for it, ask again).
create function eventcenter.emit_batch(
    p_keys text[], p_user_ids bigint[], p_types text[], p_titles text[], p_bodies text[], p_levels text[],
    p_channels text[], p_channel_hints text[], p_ctas jsonb[], p_datas jsonb[],
    p_deliver_ats timestamptz[], p_expires_ats timestamptz[], p_collapse_keys text[]
) returns table (ord bigint, id uuid, verdict text)
language plpgsql
set plan_cache_mode = force_generic_plan set jit = off as $$
#variable_conflict use_column
declare
    v_busy text[];
    v_ids uuid[];
    v_ords bigint[];
    v_due text;
    -- What goes into the streams at once, as append() takes it.
    v_inline_ids uuid[];
    v_user_ids bigint[];
    v_expires_at timestamptz[];
begin
    if array_remove(p_keys, null) <> '{}' then
        v_busy := array(
            select k.key from (select distinct unnest(p_keys) as key order by key) as k
            where not pg_try_advisory_xact_lock(eventcenter.key_lock(k.key))
        );
    end if;

    -- A statement of its own, after the locks: its snapshot sees what their last holders committed.
    with fresh as materialized (
        select n.*, eventcenter.uuid7() as id from unnest(
            p_keys, p_user_ids, p_types, p_titles, p_bodies, p_levels, p_channels, p_channel_hints, p_ctas, p_datas,
            p_deliver_ats, p_expires_ats, p_collapse_keys
        ) with ordinality as n (
            key, user_id, type, title, body, level, channels, channel_hint, cta, data,
            deliver_at, expires_at, collapse_key, ord
        )
        where
            n.key is null
            or (
                n.key <> all(v_busy)
                and array_position(p_keys, n.key) = n.ord
                and not exists (select from eventcenter.event_keys as k where k.key = n.key)
            )
    ),
    stored as (
        insert into eventcenter.events (
            id, key, user_id, type, title, body, level, channels, channel_hint, cta, data,
            deliver_at, expires_at, collapse_key, inline
        )
        select
            f.id, f.key, f.user_id, f.type, f.title, f.body, coalesce(f.level, 'info'), r.channels, f.channel_hint,
            f.cta, f.data, f.deliver_at, f.expires_at, f.collapse_key,
            'ws' = any(r.channels)
            and not 'ws' = any(coalesce(t.noise, '{}'))
            and coalesce(f.deliver_at <= statement_timestamp(), true)
        from fresh as f
        left join eventcenter.event_types as t on t.type = f.type
        cross join lateral (
            select eventcenter.resolved(string_to_array(f.channels, ','), f.channel_hint, t.channels) as channels
        ) as r
        returning id, user_id, channels, deliver_at, expires_at, inline
    )
    select
        (select array_agg(f.id) from fresh as f),
        (select array_agg(f.ord) from fresh as f),
        (
            select string_agg(distinct c.channel, ',')
            from stored as s cross join unnest(s.channels) as c (channel)
            where c.channel <> 'ws' and coalesce(s.deliver_at <= statement_timestamp(), true)
        ),
        array_agg(i.id), array_agg(i.user_id), array_agg(i.expires_at)
    into v_ids, v_ords, v_due, v_inline_ids, v_user_ids, v_expires_at
    from stored as i
    where i.inline;

    if v_inline_ids is not null then
        perform eventcenter.append(
            v_inline_ids, v_user_ids, array_fill(0, array[cardinality(v_inline_ids)]), v_expires_at
        );
    end if;
    if v_ids is not null then
        if v_due is not null then
            perform pg_notify('eventcenter_due', v_due);
        end if;
        return query select f.ord, f.id, 'new' from unnest(v_ords, v_ids) as f (ord, id);
    end if;

    if v_busy is not null then
        return query
        select
            n.ord,
            e.id,
            case
                when n.key = any(v_busy) then 'busy'
                when eventcenter.says_the_same(
                    e, n.user_id, n.type, n.title, n.body, n.level, string_to_array(n.channels, ','), n.channel_hint,
                    n.cta, n.data, n.deliver_at, n.expires_at, n.collapse_key
                ) then 'duplicate'
                else 'conflict'
            end
        from unnest(
            p_keys, p_user_ids, p_types, p_titles, p_bodies, p_levels, p_channels, p_channel_hints, p_ctas, p_datas,
            p_deliver_ats, p_expires_ats, p_collapse_keys
        ) with ordinality as n (
            key, user_id, type, title, body, level, channels, channel_hint, cta, data,
            deliver_at, expires_at, collapse_key, ord
        )
        left join eventcenter.event_keys as k on k.key = n.key
        left join eventcenter.events as e on e.id = k.event_id
        where n.key is not null and n.ord <> all(coalesce(v_ords, '{}'));
    end if;
end $$;
