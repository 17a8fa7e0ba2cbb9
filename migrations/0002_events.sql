-- The fact: written once, never changed, dropped with its day.

-- What takes long to set up, or what few events have, is checked by functions: each statement sets up all constraints
-- of its table anew, and a call is the least of it. In PL/pgSQL, since an SQL body would be written out, too.
-- The path is fixed: services call them, and must not bring operators of their own.
create function eventcenter.is_name(name text) returns boolean
language plpgsql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
begin
    return char_length(name) between 1 and 255 and name !~ '[[:cntrl:]]';
end $$;

create function eventcenter.keeps_to_hint(channels text[], channel_hint text) returns boolean
language plpgsql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
begin
    return case channel_hint
        when 'websocket_only' then channels = '{ws}'
        when 'push_only' then channels = '{push}'
        else true
    end;
end $$;

create function eventcenter.is_data(data jsonb) returns boolean
language plpgsql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
begin
    return jsonb_typeof(data) = 'object' and octet_length(data::text) <= 32768;
end $$;

create function eventcenter.is_cta(cta jsonb) returns boolean
language plpgsql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
begin
    return coalesce(
        jsonb_typeof(cta) = 'object'
        and cta - '{label,url}'::text[] = '{}'
        and jsonb_typeof(cta -> 'label') = 'string'
        and char_length(cta ->> 'label') <= 64
        and cta ->> 'label' ~ '\S'
        and cta ->> 'label' !~ '[[:cntrl:]]'
        and jsonb_typeof(cta -> 'url') = 'string'
        and octet_length(cta ->> 'url') <= 2048
        and cta ->> 'url' ~ '^(https?://[^\s[:cntrl:]/\\?#]|/([^\s[:cntrl:]/\\]|$))'
        and cta ->> 'url' !~ '[\s[:cntrl:]\\]',
        false
    );
end $$;

create table eventcenter.events (
    -- Minted here and nowhere else: its time picks the partition, so nobody may choose it.
    id uuid not null default eventcenter.uuid7(),
    -- The producer's own name for it: their id or idempotency key.
    key text,
    user_id bigint not null,
    type text not null,
    title text not null,
    body text not null,
    level text not null default 'info',
    -- As asked for; stored resolved, so that what was planned can be read for ever.
    channels text[] not null,
    channel_hint text,
    cta jsonb,
    data jsonb,
    deliver_at timestamptz,
    expires_at timestamptz,
    collapse_key text,
    created_at timestamptz not null default now(),
    -- Whoever emits appends it to its stream in this very transaction: no ws delivery waits for that. Services may not
    -- say so, since it locks the stream until they commit.
    inline boolean not null default false,
    constraint events_have_one_id primary key (id),
    constraint key_is_1_to_255_characters check (key is null or eventcenter.is_name(key)),
    -- Otherwise one producer could name its event like another one's.
    constraint key_does_not_look_like_our_own_id check (key !~ '^evt_[0-9a-f]{32}$'),
    constraint user_id_is_positive check (user_id > 0),
    -- A counted repetition, {1,64}, takes seven times as long.
    constraint type_is_lower_case_and_at_most_64 check (
        type !~ '[^a-z0-9_.-]' and char_length(type) between 1 and 64
    ),
    -- One line, since it becomes a mail's Subject.
    constraint title_is_one_line_of_1_to_256_characters check (
        char_length(title) <= 256 and title ~ '\S' and title !~ '[[:cntrl:]]'
    ),
    constraint body_is_at_most_16_kib check (octet_length(body) <= 16384),
    constraint level_is_info_warning_error_or_critical check (
        level in ('info', 'warning', 'error', 'critical')
    ),
    constraint channels_are_ws_push_or_email check (
        eventcenter.is_channel_set(channels) and cardinality(channels) > 0
    ),
    constraint channel_hint_is_auto_websocket_only_or_push_only check (
        channel_hint in ('auto', 'websocket_only', 'push_only')
    ),
    constraint channels_keep_to_channel_hint check (
        channel_hint is null or eventcenter.keeps_to_hint(channels, channel_hint)
    ),
    constraint cta_is_a_label_and_an_http_url_or_path check (cta is null or eventcenter.is_cta(cta)),
    constraint data_is_an_object_of_at_most_32_kib check (data is null or eventcenter.is_data(data)),
    -- Events outlive the inbox plus the longest schedule; a later one could lose its event before it is due.
    constraint deliver_at_is_at_most_90_days_ahead check (
        deliver_at <= created_at + interval '90 days'
    ),
    -- Postgres stores times that a worker cannot read, and a batch with such an event would fail for ever.
    constraint deliver_at_is_a_finite_time check (isfinite(deliver_at)),
    constraint expires_at_is_before_the_end_of_9999 check (
        isfinite(expires_at) and expires_at < '9999-12-30T00:00:00Z'
    ),
    constraint expires_at_is_after_deliver_at check (expires_at > deliver_at),
    constraint collapse_key_is_1_to_255_characters check (
        collapse_key is null or eventcenter.is_name(collapse_key)
    )
) partition by range (id);

-- A person's history, newest first: GET /api/events?user_id=.
create index events_of_user on eventcenter.events (user_id, id);

-- The net under the daily partitions. It stays empty; an alert watches it.
create table eventcenter.events_default partition of eventcenter.events default;

-- A producer's name → the event that has it, for as long as the event lives. A table of its own because a
-- unique index on a partitioned table cannot leave out the partition key.
create table eventcenter.event_keys (
    key text not null,
    event_id uuid not null,
    constraint an_event_key_is_used_once primary key (key)
);
create index event_keys_of_event on eventcenter.event_keys (event_id);

-- Whoever writes a key holds its lock, so that everyone else can tell "taken" from "being taken".
create function eventcenter.key_lock(key text) returns bigint
language sql immutable parallel safe
return hashtextextended(key, 7);

-- Where an event goes: as asked, else by the hint, else by its type's row, else to the stream.
create function eventcenter.resolved(channels text[], channel_hint text, of_type text[]) returns text[]
language sql immutable parallel safe
return coalesce(
    channels,
    case channel_hint when 'websocket_only' then '{ws}'::text[] when 'push_only' then '{push}' end,
    of_type,
    '{ws}'
);

-- Before a row is stored.
create function eventcenter.resolve_channels() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    new.channels := eventcenter.resolved(
        null, new.channel_hint, (select t.channels from eventcenter.event_types as t where t.type = new.type)
    );
    return new;
end $$;

create trigger resolve_channels before insert on eventcenter.events
for each row when (new.channels is null) execute function eventcenter.resolve_channels();

-- After the statement: one delivery per channel. The only place that plans, for HTTP and SQL alike, and it
-- never notifies: NOTIFY takes a database-wide lock at commit, and this is other people's transaction.
create function eventcenter.plan() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    v_keys bigint;
    v_wanted bigint;
    v_can_wait uuid[];
    v_planned bigint;
begin
    -- What is critical, what waits for an answer, and the digests themselves do not wait for a digest.
    select
        count(key),
        sum(cardinality(channels)) - count(*) filter (where inline),
        array_agg(id) filter (
            where channels @> '{email}' and level <> 'critical' and type not in ('action.required', 'digest')
        )
    into v_keys, v_wanted, v_can_wait
    from new_events;

    if v_keys > 0 then
        -- In ascending order, so that two transactions can never wait for each other.
        perform pg_advisory_xact_lock(k.lock)
        from (
            select eventcenter.key_lock(key) as lock from new_events
            where key is not null
            order by lock
        ) as k;

        insert into eventcenter.event_keys (key, event_id)
        select key, id from new_events
        where key is not null
        order by key;
    end if;

    insert into eventcenter.deliveries (event_id, channel, user_id, due_at, since, expires_at)
    select
        e.id, c.channel, e.user_id, coalesce(e.deliver_at, statement_timestamp()),
        coalesce(e.deliver_at, statement_timestamp()), e.expires_at
    from new_events as e
    left join eventcenter.event_types as t on t.type = e.type
    cross join unnest(e.channels) as c (channel)
    where not c.channel = any(coalesce(t.noise, '{}')) and not (e.inline and c.channel = 'ws');
    get diagnostics v_planned = row_count;

    -- What was left out is noise, whatever an operator has made of the type since. It is rare, and an insert into
    -- partitions costs even when it has no rows.
    if v_planned < v_wanted then
        insert into eventcenter.attempts (event_id, channel, attempt, target, outcome, reason, balance)
        select e.id, c.channel, 0, '', 'skipped', 'noise', 1
        from new_events as e
        cross join unnest(e.channels) as c (channel)
        where
            not (e.inline and c.channel = 'ws')
            and not exists (
                select from eventcenter.deliveries as d
                where d.event_id = e.id and d.channel = c.channel
            );
    end if;

    -- Chosen above, of rows at hand: to plan a look into the partitions takes 100 ms and more, in the transaction of
    -- whoever inserts.
    if v_can_wait is not null then
        perform eventcenter.join_digests(v_can_wait);
    end if;
    return null;
end $$;

create trigger plan after insert on eventcenter.events
referencing new table as new_events
for each statement execute function eventcenter.plan();

-- The producer's columns, and RETURNING id. On the parent only: an insert straight into a partition plans nothing.
grant insert (
    key, user_id, type, title, body, level, channels, channel_hint,
    cta, data, deliver_at, expires_at, collapse_key
) on eventcenter.events to eventcenter_emitter;
grant select (id) on eventcenter.events to eventcenter_emitter;
-- What the default of its id and its constraints evaluate.
grant execute on function
eventcenter.uuid7, eventcenter.is_channel_set, eventcenter.is_name, eventcenter.keeps_to_hint, eventcenter.is_data,
eventcenter.is_cta
to eventcenter_emitter;
