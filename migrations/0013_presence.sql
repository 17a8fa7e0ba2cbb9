-- Who is connected, where, and since when; who may no longer be; and tickets for sockets.

-- Sessions end with their nodes, so the database may forget all of this in a crash: what is unlogged costs no write-ahead
-- log, and is empty after a crash or a failover. A node that finds itself unknown enters its sessions anew.

-- The processes that hold sessions. One row is renewed every second, whatever the number of sessions.
create unlogged table eventcenter.nodes (
    id uuid primary key,
    -- When it last told us that it lives.
    seen_at timestamptz not null,
    -- Its sessions count until then. A node that comes later takes a new name and enters them anew.
    until timestamptz not null
) with (fillfactor = 50);

create unlogged table eventcenter.sessions (
    id uuid primary key,
    node_id uuid not null,
    user_id bigint not null,
    -- What the client calls its browser or app; null when it says nothing.
    device text,
    since timestamptz not null,
    -- The close code with which the session is to end. From then on it does not count; its node closes it.
    closing integer,
    constraint user_id_is_positive check (user_id > 0),
    constraint device_is_1_to_64_plain_characters check (char_length(device) between 1 and 64 and device !~ '[^A-Za-z0-9_-]'),
    constraint closing_is_replaced_or_too_many_sessions check (closing in (4007, 4105))
) with (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 50000
);
create index sessions_of_user on eventcenter.sessions (user_id);
-- What a node has to close is found at its end.
create index sessions_of_node on eventcenter.sessions (node_id, closing);

-- When a person's session last began or ended. This one is kept, also through a crash. Whoever changes sessions locks
-- their users' rows here first, in ascending order: that is what the limit of sessions rests on.
create table eventcenter.last_seen (
    user_id bigint primary key,
    at timestamptz not null,
    constraint user_id_is_positive check (user_id > 0)
) with (fillfactor = 50);

-- Everyone who is connected. A person without a live session has no row.
create view eventcenter.online as
select
    s.user_id,
    count(*) as sessions,
    min(s.since) as since
from eventcenter.sessions as s
join eventcenter.nodes as n on n.id = s.node_id
where s.closing is null and n.until > clock_timestamp()
group by s.user_id;

-- The same for certain people, and when those who are gone were last seen: what routing rules ask. One row for each.
create function eventcenter.presence(p_user_ids bigint[])
returns table (user_id bigint, sessions bigint, since timestamptz, last_seen_at timestamptz)
language sql stable
set enable_seqscan = off set jit = off
begin atomic
    select
        u.user_id,
        here.sessions,
        here.since,
        case when here.sessions > 0 then clock_timestamp() else greatest(l.at, here.seen_at) end
    from (select distinct asked.user_id from unnest(p_user_ids) as asked (user_id)) as u
    left join eventcenter.last_seen as l using (user_id)
    cross join lateral (
        select
            count(*) filter (where n.until > clock_timestamp()) as sessions,
            min(s.since) filter (where n.until > clock_timestamp()) as since,
            max(n.seen_at) as seen_at
        from eventcenter.sessions as s
        join eventcenter.nodes as n on n.id = s.node_id
        where s.user_id = u.user_id and s.closing is null
    ) as here;
end;

-- Notes that these people were there, and locks them until the end of the transaction.
create function eventcenter.touch_users(p_user_ids bigint[], p_at timestamptz) returns void
language sql
begin atomic
    insert into eventcenter.last_seen as l (user_id, at)
    select distinct u.user_id, p_at
    from unnest(p_user_ids) as u (user_id)
    order by u.user_id
    on conflict (user_id) do update set at = greatest(l.at, excluded.at);
end;

-- A node's sign of life, with what has happened there since the last: sessions that began (with their age in seconds,
-- since only one clock counts) and that ended. Beyond p_sessions_max the oldest sessions of a person are to be closed,
-- wherever they are, and so is the older of two of the same device. Answers whether the node is known (if not, nothing
-- was done) and which of its sessions it has to close. Doing the same again changes nothing.
create function eventcenter.beat(
    p_node uuid, p_life interval, p_sessions_max integer,
    p_ids uuid[], p_user_ids bigint[], p_devices text[], p_ages double precision[],
    p_left_ids uuid[], p_left_user_ids bigint[],
    out is_known boolean, out closing_ids uuid[], out closing_codes integer[]
)
language plpgsql
set enable_seqscan = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare
    v_now timestamptz := clock_timestamp();
    v_node uuid;
begin
    -- Presence may lag behind a crash of the server; nobody waits for the disk.
    perform set_config('synchronous_commit', 'off', true);
    update eventcenter.nodes as n set seen_at = v_now, until = v_now + p_life
    where n.id = p_node and n.until > v_now;
    is_known := found;
    if not is_known then
        return;
    end if;

    if cardinality(p_ids) + cardinality(p_left_ids) > 0 then
        perform eventcenter.touch_users(p_user_ids || p_left_user_ids, v_now);
        delete from eventcenter.sessions as s where s.id = any(p_left_ids);
    end if;

    if cardinality(p_ids) > 0 then
        -- A session that is there already was its node's under an older name.
        insert into eventcenter.sessions as s (id, node_id, user_id, device, since)
        select e.id, p_node, e.user_id, e.device, v_now - make_interval(secs => e.age)
        from unnest(p_ids, p_user_ids, p_devices, p_ages) as e (id, user_id, device, age)
        on conflict (id) do update set node_id = excluded.node_id;

        -- A statement of its own: it sees what others committed before we had the locks.
        for v_node in
            with live as (
                select
                    s.id, s.user_id, s.since,
                    s.device is not null and row_number() over device > 1 as is_replaced
                from eventcenter.sessions as s
                join eventcenter.nodes as n on n.id = s.node_id
                where s.user_id = any(p_user_ids) and s.closing is null and n.until > v_now
                window device as (partition by s.user_id, s.device order by s.since desc, s.id desc)
            ),
            placed as (
                select
                    l.id, l.is_replaced,
                    count(*) filter (where not l.is_replaced)
                        over (partition by l.user_id order by l.since desc, l.id desc) as place
                from live as l
            ),
            closing as (
                update eventcenter.sessions as s set closing = case when p.is_replaced then 4007 else 4105 end
                from placed as p
                where p.id = s.id and (p.is_replaced or p.place > p_sessions_max)
                returning s.node_id
            )
            select distinct c.node_id from closing as c where c.node_id <> p_node
        loop
            perform pg_notify('eventcenter_sessions', v_node::text);
        end loop;
    end if;

    select coalesce(array_agg(s.id), '{}'), coalesce(array_agg(s.closing), '{}') into closing_ids, closing_codes
    from eventcenter.sessions as s
    where s.node_id = p_node and s.closing is not null;
end $$;

-- Forgets up to p_limit sessions of a node that is gone, and the node after the last of them. Answers whether there may
-- be more, of it or of another. Their people were last seen when the node was.
create function eventcenter.sweep_sessions(p_limit integer) returns boolean
language plpgsql
set enable_seqscan = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare
    v_node uuid;
    v_seen_at timestamptz;
    v_ids uuid[];
begin
    select n.id, n.seen_at into v_node, v_seen_at from eventcenter.nodes as n
    where n.until <= clock_timestamp()
    order by n.until
    limit 1
    for update skip locked;
    if not found then
        return false;
    end if;
    v_ids := array(select s.id from eventcenter.sessions as s where s.node_id = v_node limit p_limit);
    perform eventcenter.touch_users(
        array(select s.user_id from eventcenter.sessions as s where s.id = any(v_ids)), v_seen_at
    );
    delete from eventcenter.sessions as s where s.id = any(v_ids) and s.node_id = v_node;
    if cardinality(v_ids) < p_limit then
        delete from eventcenter.nodes as n where n.id = v_node;
    end if;
    return true;
end $$;

-- From when on tokens of a person count: what was issued at or before `not_after` does not. The row of device '' is for
-- all of them, others only for what the client calls itself. Kept longer than any token may live.
create table eventcenter.revocations (
    user_id bigint not null,
    device text not null,
    not_after timestamptz not null,
    -- When it was last changed, by which nodes find what is new.
    at timestamptz not null default clock_timestamp(),
    constraint a_person_is_revoked_once_per_device primary key (user_id, device),
    constraint user_id_is_positive check (user_id > 0),
    constraint device_is_at_most_64_plain_characters check (char_length(device) <= 64 and device !~ '[^A-Za-z0-9_-]')
);
create index revocations_by_age on eventcenter.revocations (at);

-- Ends sessions of a person, on every node, and refuses the tokens by which they began. Answers what it comes to, since
-- an earlier revocation may reach further.
create function eventcenter.revoke_sessions(p_user_id bigint, p_device text, p_not_after timestamptz)
returns timestamptz
language plpgsql as $$
declare
    v_not_after timestamptz;
begin
    insert into eventcenter.revocations as r (user_id, device, not_after)
    values (p_user_id, coalesce(p_device, ''), coalesce(p_not_after, clock_timestamp()))
    on conflict (user_id, device) do update
    set not_after = greatest(r.not_after, excluded.not_after), at = clock_timestamp()
    returning r.not_after into v_not_after;
    perform pg_notify('eventcenter_sessions', 'revoked');
    return v_not_after;
end $$;

-- Opens one socket, once. Only the hash is kept: a ticket has 256 random bits, so a plain SHA-256 cannot be searched.
-- Lost in a crash like the sessions; a client then fetches another.
create unlogged table eventcenter.tickets (
    hash bytea primary key,
    user_id bigint not null,
    -- Of the token that it stands for, in seconds since 1970: a ticket lives no longer than that, nor past its revocation.
    token_issued_at bigint,
    token_ends_at bigint not null,
    expires_at timestamptz not null,
    constraint user_id_is_positive check (user_id > 0)
);
create index tickets_of_user on eventcenter.tickets (user_id);
create index tickets_by_age on eventcenter.tickets (expires_at);

-- As every migration that makes functions ends; see partitions.
revoke execute on all functions in schema eventcenter from public;
