-- A person's stream: dense numbers, given when an event becomes visible.

create table eventcenter.streams (
    user_id bigint primary key,
    last_seq bigint not null,
    -- Everything up to here has left the inbox by age; a client that asks for less is told so.
    trimmed_to bigint not null default 0,
    -- How many entries of the inbox is_unread() and is_unseen() hold for. Whoever changes what these say of an entry
    -- locks this row first and counts in the same transaction, so nobody ever has to count the entries.
    unread bigint not null default 0,
    unseen bigint not null default 0,
    constraint what_is_unseen_is_unread check (unseen between 0 and unread)
) with (fillfactor = 50);

-- How far each of a person's devices has acknowledged their stream. A ws delivery is delivered once a device has passed
-- it: derived, so no event costs a write. Sessions that name no device share the one without a name.
create table eventcenter.devices (
    user_id bigint not null,
    device text not null,
    acked_seq bigint not null,
    acked_at timestamptz not null default now(),
    constraint a_device_has_one_cursor primary key (user_id, device),
    constraint device_is_at_most_64_plain_characters check (device ~ '^[A-Za-z0-9_-]{0,64}$')
) with (fillfactor = 50);

-- Hashed by user, not ranged by time: reading one stream then costs one partition, however old the reader's cursor is.
-- A batch of emits takes 50 us to set up each partition that it touches: there are no more of them than vacuum needs.
create table eventcenter.inbox (
    user_id bigint not null,
    seq bigint not null,
    event_id uuid not null,
    at timestamptz not null default statement_timestamp(),
    -- What the person did with it: see mark().
    seen_at timestamptz,
    read_at timestamptz,
    archived_at timestamptz,
    snoozed_until timestamptz,
    -- The end of the stream when it came back from a snooze: it is listed above that entry.
    returned_to bigint,
    constraint a_stream_has_each_number_once primary key (user_id, seq),
    constraint an_event_is_in_a_stream_once unique (user_id, event_id)
) partition by hash (user_id);

do $$
begin
    for i in 0..7 loop
        execute format(
            'create table eventcenter.inbox_%s partition of eventcenter.inbox for values with (modulus 8, remainder %s)',
            i, i
        );
    end loop;
end $$;

-- What the counters count. Whoever reads an entry has seen it too, so what is unseen is unread.
create function eventcenter.is_unread(i eventcenter.inbox) returns boolean
language sql immutable parallel safe
return i.read_at is null and i.archived_at is null and i.snoozed_until is null;

create function eventcenter.is_unseen(i eventcenter.inbox) returns boolean
language sql immutable parallel safe
return i.seen_at is null and i.read_at is null and i.archived_at is null and i.snoozed_until is null;

-- What is_unread() holds for. It costs an append 4 % of its time; the others hold what people set aside, and cost it
-- nothing that could be measured.
create index inbox_unread on eventcenter.inbox (user_id, seq)
where read_at is null and archived_at is null and snoozed_until is null;
create index inbox_archived on eventcenter.inbox (user_id, seq) where archived_at is not null;
create index inbox_snoozed on eventcenter.inbox (user_id, seq) where snoozed_until is not null;
create index inbox_to_return on eventcenter.inbox (snoozed_until) where snoozed_until is not null;
create index inbox_returned on eventcenter.inbox (user_id, returned_to) where returned_to is not null;

-- Rows arrive in the order of `at`, so a few pages of BRIN find the old ones for trimming.
create index inbox_by_age on eventcenter.inbox using brin (at) with (autosummarize = on);

-- Tells the nodes whose streams grew. Payloads stay under Postgres's 8,000 bytes: 375 ids of 20 bytes each. For
-- very many users one bare "re-read everyone you have" is cheaper for all.
create function eventcenter.announce(p_user_ids bigint[]) returns void
language plpgsql as $$
begin
    if cardinality(p_user_ids) > 1500 then
        perform pg_notify('eventcenter_inbox', '*');
        return;
    end if;
    perform pg_notify('eventcenter_inbox', array_to_string(p_user_ids[i : i + 374], ','))
    from generate_series(1, coalesce(cardinality(p_user_ids), 0), 375) as i;
end $$;

-- Gives ws deliveries, just taken out of the outbox, their places in their people's streams: parallel arrays.
-- Streams are bumped in the order of users, one call per transaction, so two appends cannot wait for each other. An
-- expired event gets no number, and neither does one that the person switched off; its history says why.
-- Its callers pin their plans by switching nodes off; this one sorts, and joins by hash: the planner takes an array for
-- ten elements, and would compare each with each.
create function eventcenter.append(
    p_event_ids uuid[], p_user_ids bigint[], p_attempts integer[], p_expires_at timestamptz[]
) returns void
language plpgsql
set enable_sort = on set enable_nestloop = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare
    v_kept_back uuid[];
    v_attempts integer[];
    v_reasons text[];
    v_told bigint[];
begin
    select array_agg(k.event_id), array_agg(k.attempt), array_agg(k.reason) into v_kept_back, v_attempts, v_reasons
    from (
        select
            t.event_id, t.attempt,
            case when t.expires_at <= statement_timestamp() then 'expired' else r.reason end as reason
        from unnest(p_event_ids, p_attempts, p_expires_at) as t (event_id, attempt, expires_at)
        left join eventcenter.rulings('ws', p_event_ids, p_user_ids) as r using (event_id)
    ) as k
    where k.reason is not null;

    -- A statement of its own: it is rare, and an insert into partitions costs even when it has no rows.
    if v_kept_back is not null then
        insert into eventcenter.attempts (event_id, channel, attempt, target, outcome, reason, balance)
        select k.event_id, 'ws', k.attempt + 1, '', 'skipped', k.reason, 1
        from unnest(v_kept_back, v_attempts, v_reasons) as k (event_id, attempt, reason);
    end if;

    with shown as materialized (
        select t.event_id, t.user_id from unnest(p_event_ids, p_user_ids) as t (event_id, user_id)
        where v_kept_back is null or t.event_id <> all(v_kept_back)
    ),
    bumped as (
        insert into eventcenter.streams as s (user_id, last_seq, unread, unseen)
        select t.user_id, count(*), count(*), count(*) from shown as t
        group by t.user_id
        order by t.user_id
        on conflict (user_id) do update
        set
            last_seq = s.last_seq + excluded.last_seq,
            unread = s.unread + excluded.unread,
            unseen = s.unseen + excluded.unseen
        returning s.user_id, s.last_seq
    ),
    appended as (
        insert into eventcenter.inbox (user_id, seq, event_id)
        select
            t.user_id,
            b.last_seq + 1 - row_number() over (partition by t.user_id order by t.event_id desc),
            t.event_id
        from shown as t
        join bumped as b using (user_id)
    )
    select array_agg(b.user_id) into v_told from bumped as b;
    perform eventcenter.announce(v_told);
end $$;

-- The appender: the oldest due ws deliveries of everyone. The floor and the pinned plan are as in claim().
create function eventcenter.append_due(p_limit integer, p_floor timestamptz) returns integer
language plpgsql
set enable_bitmapscan = off set enable_seqscan = off set enable_sort = off set jit = off
set plan_cache_mode = force_generic_plan as $$
declare
    v_due tid[];
    v_event_ids uuid[];
    v_user_ids bigint[];
    v_attempts integer[];
    v_expires_at timestamptz[];
begin
    v_due := array(
        select d.ctid from eventcenter.deliveries as d
        where
            d.channel = 'ws'
            and not d.quarantined
            and d.due_at >= p_floor
            and d.due_at <= statement_timestamp()
        order by d.due_at, d.event_id
        limit p_limit
        for update skip locked
    );
    if cardinality(v_due) = 0 then
        return 0;
    end if;
    with taken as (
        delete from eventcenter.deliveries as d
        where d.ctid = any(v_due)
        returning d.event_id, d.user_id, d.attempt, d.expires_at
    )
    select array_agg(t.event_id), array_agg(t.user_id), array_agg(t.attempt), array_agg(t.expires_at)
    into v_event_ids, v_user_ids, v_attempts, v_expires_at
    from taken as t;
    perform eventcenter.append(v_event_ids, v_user_ids, v_attempts, v_expires_at);
    return cardinality(v_event_ids);
end $$;

-- Forgets what is older than p_keep, always from the beginning of a stream, up to p_limit entries a call. It locks the
-- streams in the order of their users, as appends do.
create function eventcenter.trim_inbox(p_keep interval, p_limit integer) returns bigint
language plpgsql as $$
declare
    v_user_ids bigint[];
    v_seqs bigint[];
    v_trimmed bigint;
begin
    with old as materialized (
        select o.user_id, max(o.seq) as seq
        from (
            select i.user_id, i.seq from eventcenter.inbox as i
            where i.at < statement_timestamp() - p_keep
            limit p_limit
        ) as o
        group by o.user_id
    ),
    locked as materialized (
        select s.user_id, old.seq from eventcenter.streams as s
        join old using (user_id)
        order by s.user_id
        for update of s
    )
    select array_agg(l.user_id), array_agg(l.seq) into v_user_ids, v_seqs from locked as l;

    -- A statement of its own: it sees the marks that were made before the locks were had.
    with gone as (
        delete from eventcenter.inbox as i
        using unnest(v_user_ids, v_seqs) as o (user_id, seq)
        where i.user_id = o.user_id and i.seq <= o.seq
        returning i.user_id, i.seq, eventcenter.is_unread(i) as is_unread, eventcenter.is_unseen(i) as is_unseen
    ),
    counted as (
        update eventcenter.streams as s
        set
            trimmed_to = greatest(s.trimmed_to, g.seq),
            unread = s.unread - g.unread,
            unseen = s.unseen - g.unseen
        from (
            select
                gone.user_id,
                max(gone.seq) as seq,
                count(*) filter (where gone.is_unread) as unread,
                count(*) filter (where gone.is_unseen) as unseen
            from gone
            group by gone.user_id
        ) as g
        where s.user_id = g.user_id
    )
    select count(*) into v_trimmed from gone;
    return v_trimmed;
end $$;
