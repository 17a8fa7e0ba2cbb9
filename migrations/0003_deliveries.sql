-- A delivery is in exactly one place: waiting here, held by a lease, or settled (inbox for ws, attempts for the rest).

-- Outstanding work only: scheduled, ready and retrying alike. Rows are inserted and deleted, never updated, so a
-- ctid under a row lock names a row safely and the table stays as small as the backlog. No foreign key: it
-- would lock and mark the event's row for every channel.
create table eventcenter.deliveries (
    event_id uuid not null,
    channel text not null,
    user_id bigint not null,
    -- Tries made so far.
    attempt integer not null default 0,
    due_at timestamptz not null,
    -- When it first came due, or was redriven: a retry schedule's life counts from here.
    since timestamptz not null,
    -- Copied from the event, so that nobody has to look there to learn that it is too late.
    expires_at timestamptz,
    -- Its last worker died with it, so it is tried alone: it may have been the cause.
    quarantined boolean not null default false,
    constraint a_delivery_waits_once primary key (event_id, channel)
) with (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 50000,
    autovacuum_vacuum_cost_delay = 0
);

-- The claim's order: equality on the first two columns, then a range scan.
create index deliveries_due on eventcenter.deliveries (channel, quarantined, due_at, event_id);

-- One row per claimed batch. A worker that lives renews `until`; one that does not is rescued.
create table eventcenter.leases (
    id bigint generated always as identity,
    channel text not null,
    worker text not null,
    until timestamptz not null,
    -- What it still holds, as parallel arrays. `attempts` are the numbers of the tries being made.
    event_ids uuid[] not null,
    user_ids bigint[] not null,
    attempts integer[] not null,
    since timestamptz[] not null,
    expires_at timestamptz[] not null,
    constraint leases_have_one_id primary key (id),
    constraint a_lease_holds_something check (cardinality(event_ids) > 0)
);
-- UUIDs do not compress; trying costs more than the write.
alter table eventcenter.leases
alter column event_ids set storage external,
alter column user_ids set storage external,
alter column since set storage external;

-- What a lease holds, as rows.
create view eventcenter.leased as
select
    l.id as lease_id,
    l.channel,
    l.worker,
    l.until,
    h.event_id,
    h.user_id,
    h.attempt,
    h.since,
    h.expires_at
from eventcenter.leases as l
cross join unnest(l.event_ids, l.user_ids, l.attempts, l.since, l.expires_at)
    as h (event_id, user_id, attempt, since, expires_at);

-- History: one row per try and target, append-only, dropped with its day.
create table eventcenter.attempts (
    event_id uuid not null,
    channel text not null,
    attempt integer not null,
    -- A subscription's id or an address; empty when it concerns the delivery as a whole.
    target text not null,
    outcome text not null,
    reason text,
    -- What the provider answered: an HTTP status or an SMTP reply.
    provider_code text,
    duration_ms integer,
    -- A ledger: +1 settles the delivery, -1 reopens it. It sums to 1 for a settled delivery and to 0 for any other.
    balance smallint not null default 0,
    at timestamptz not null default clock_timestamp(),
    constraint a_try_is_recorded_once_per_target primary key (event_id, channel, attempt, target),
    constraint outcome_is_known check (
        outcome in ('sent', 'retry', 'failed', 'dead', 'skipped', 'canceled', 'lost', 'redriven', 'held', 'digested')
    ),
    constraint balance_settles_reopens_or_neither check (balance in (-1, 0, 1))
) partition by range (event_id);

-- Dead letters and refusals, oldest first: GET /api/deliveries?state=dead.
create index attempts_to_redrive on eventcenter.attempts (event_id)
where balance = 1 and outcome in ('failed', 'dead');

create table eventcenter.attempts_default partition of eventcenter.attempts default;

-- What people did with what reached them, one row per target that told: dropped with its day, too. An acknowledgement
-- may overtake the settlement of the very try that it answers.
create table eventcenter.engagements (
    event_id uuid not null,
    channel text not null,
    -- As in attempts: a subscription's id.
    target text not null,
    displayed_at timestamptz not null default clock_timestamp(),
    clicked_at timestamptz,
    constraint a_target_engages_once primary key (event_id, channel, target)
) partition by range (event_id);

create table eventcenter.engagements_default partition of eventcenter.engagements default;

-- Events whose producer took them back while a worker held a delivery: a retry of it must not happen.
create table eventcenter.cancellations (
    event_id uuid primary key,
    at timestamptz not null default now()
);

-- Claims up to p_limit due deliveries of a channel: deletes them and writes one lease in the same statement. Answers the
-- lease, what it holds as parallel arrays (a row for each would cost more than all the rest), or no row when nothing is due.
-- Only what lies after p_floor and p_after is looked at: that spares the scan the entries of what was claimed before, which
-- stay until a vacuum, or as long as somebody holds a snapshot. It only delays what lies below, and the caller sweeps
-- without it. The settings pin the plan to the index: a table analysed while empty would otherwise
-- be sorted whole. Wherever a node is switched off, JIT is too: where that node is needed after all, its made-up cost
-- would have every call compiled, for half a second.
-- statement_timestamp() is stable, so it can bound the scan; now() would be the caller's transaction.
create function eventcenter.claim(
    p_channel text, p_quarantined boolean, p_worker text, p_limit integer, p_lease interval,
    p_floor timestamptz default '-infinity', p_after uuid default '00000000-0000-0000-0000-000000000000'
) returns table (
    lease_id bigint, event_ids uuid[], user_ids bigint[], attempts integer[],
    due_at timestamptz[], since timestamptz[], expires_at timestamptz[]
)
language plpgsql
set enable_bitmapscan = off set enable_seqscan = off set enable_sort = off set jit = off
set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
    v_due tid[];
begin
    v_due := array(
        select d.ctid from eventcenter.deliveries as d
        where
            d.channel = p_channel
            and d.quarantined = p_quarantined
            and (d.due_at, d.event_id) > (p_floor, p_after)
            and d.due_at <= statement_timestamp()
        order by d.due_at, d.event_id
        limit p_limit
        for update skip locked
    );
    if cardinality(v_due) = 0 then
        return;
    end if;
    -- Nobody waits for a claim to reach the disk: after a crash of the server it was never made, and whatever was sent
    -- is sent again. A settle is written later in the same log, so it never outlives its claim.
    perform set_config('synchronous_commit', 'off', true);
    return query
    with taken as (
        delete from eventcenter.deliveries as d
        where d.ctid = any(v_due)
        returning d.event_id, d.user_id, d.attempt + 1 as attempt, d.due_at, d.since, d.expires_at
    ),
    batch as (
        select
            array_agg(t.event_id) as event_ids, array_agg(t.user_id) as user_ids, array_agg(t.attempt) as attempts,
            array_agg(t.due_at) as due_at, array_agg(t.since) as since, array_agg(t.expires_at) as expires_at
        from taken as t
    ),
    leased as (
        insert into eventcenter.leases (channel, worker, until, event_ids, user_ids, attempts, since, expires_at)
        select
            p_channel, p_worker, clock_timestamp() + p_lease,
            b.event_ids, b.user_ids, b.attempts, b.since, b.expires_at
        from batch as b
        returning id
    )
    select l.id, b.event_ids, b.user_ids, b.attempts, b.due_at, b.since, b.expires_at
    from leased as l cross join batch as b;
end $$;

-- Takes what p_event_ids names out of a locked lease; an emptied lease is gone.
create function eventcenter.shrink_lease(p_lease bigint, p_event_ids uuid[]) returns void
language sql
begin atomic
    update eventcenter.leases as l
    set (event_ids, user_ids, attempts, since, expires_at) = (
        select array_agg(h.event_id), array_agg(h.user_id), array_agg(h.attempt), array_agg(h.since), array_agg(h.expires_at)
        from eventcenter.leased as h
        where h.lease_id = p_lease and h.event_id <> all(p_event_ids)
    )
    where l.id = p_lease and not l.event_ids <@ p_event_ids;
    delete from eventcenter.leases as l
    where l.id = p_lease and l.event_ids <@ p_event_ids;
end;

-- Settles part of a lease, or all of it. Two sets of parallel arrays: a verdict per delivery (seconds until its
-- retry, or null when it is settled), and its tries, one per target. Where an array ends early, its other values are null.
-- Only what the lease still holds is written: the lease is locked first, and what was rescued meanwhile is
-- reported as stale, or as repeated when this very try is on record (a reply was lost and the caller asks again).
-- The caller names the channel, since the lease may be gone.
create function eventcenter.settle(
    p_lease bigint, p_worker text, p_channel text,
    p_event_ids uuid[], p_attempts integer[], p_retry_in_s double precision[],
    t_event_ids uuid[], t_targets text[], t_outcomes text[], t_reasons text[],
    t_codes text[], t_durations_ms integer[], t_balances smallint[]
) returns table (settled bigint, repeated bigint, stale bigint)
language plpgsql
set plan_cache_mode = force_generic_plan set jit = off as $$
declare
    v_lease eventcenter.leases;
    v_held uuid[];
    v_lost uuid[];
begin
    select * into v_lease from eventcenter.leases where id = p_lease and worker = p_worker for update;

    with held as materialized (
        select h.event_id, h.attempt
        from unnest(v_lease.event_ids, v_lease.attempts) as h (event_id, attempt)
        join unnest(p_event_ids) as v (event_id) using (event_id)
    ),
    tried as (
        insert into eventcenter.attempts
            (event_id, channel, attempt, target, outcome, reason, provider_code, duration_ms, balance)
        select t.event_id, v_lease.channel, h.attempt, t.target, t.outcome, t.reason, t.code, t.duration_ms, t.balance
        from unnest(t_event_ids, t_targets, t_outcomes, t_reasons, t_codes, t_durations_ms, t_balances)
            as t (event_id, target, outcome, reason, code, duration_ms, balance)
        join held as h using (event_id)
    )
    select coalesce(array_agg(h.event_id), '{}') into v_held from held as h;

    -- A statement of its own: setting up two more inserts costs, also where they then write nothing, as nearly always.
    if array_remove(p_retry_in_s, null) <> '{}' then
        with retrying as materialized (
            select
                h.*, v.retry_in_s,
                exists (select from eventcenter.cancellations as c where c.event_id = h.event_id) as is_canceled
            from unnest(v_lease.event_ids, v_lease.user_ids, v_lease.attempts, v_lease.since, v_lease.expires_at)
                as h (event_id, user_id, attempt, since, expires_at)
            join unnest(p_event_ids, p_retry_in_s) as v (event_id, retry_in_s) on v.event_id = h.event_id
            where v.retry_in_s is not null
        ),
        given_up as (
            insert into eventcenter.attempts (event_id, channel, attempt, target, outcome, balance)
            select r.event_id, v_lease.channel, r.attempt + 1, '', 'canceled', 1 from retrying as r
            where r.is_canceled
        )
        insert into eventcenter.deliveries (event_id, channel, user_id, attempt, due_at, since, expires_at)
        select
            r.event_id, v_lease.channel, r.user_id, r.attempt,
            clock_timestamp() + make_interval(secs => r.retry_in_s), r.since, r.expires_at
        from retrying as r
        where not r.is_canceled;
    end if;

    if cardinality(v_held) = cardinality(v_lease.event_ids) then
        delete from eventcenter.leases where id = p_lease;
    elsif cardinality(v_held) > 0 then
        perform eventcenter.shrink_lease(p_lease, v_held);
    end if;

    settled := cardinality(v_held);
    repeated := 0;
    stale := 0;
    if cardinality(v_held) < cardinality(p_event_ids) then
        v_lost := array(select unnest(p_event_ids) except select unnest(v_held));
        repeated := (
            select count(distinct a.event_id)
            from unnest(p_event_ids, p_attempts) as p (event_id, attempt)
            join unnest(v_lost) as l (event_id) using (event_id)
            join unnest(t_event_ids, t_targets, t_outcomes) as t (event_id, target, outcome) using (event_id)
            join eventcenter.attempts as a
                on a.event_id = p.event_id and a.channel = p_channel and a.attempt = p.attempt
                and a.target = t.target and a.outcome = t.outcome
        );
        stale := cardinality(v_lost) - repeated;
    end if;
    return next;
end $$;

-- Gives back what was claimed and not started: the try was not made and does not count. What a stopping worker gives
-- back is due at once; what met quiet hours waits for their end (p_held_until, parallel to p_event_ids), its history says
-- so, and its schedule's life stands still meanwhile; when it was never tried, it begins there. What the try before lost its worker to stays in
-- quarantine.
create function eventcenter.release(
    p_lease bigint, p_worker text, p_event_ids uuid[], p_held_until timestamptz[] default null
) returns bigint
language plpgsql as $$
declare
    v_held uuid[];
begin
    perform from eventcenter.leases where id = p_lease and worker = p_worker for update;
    if not found then
        return 0;
    end if;
    with given as materialized (
        select h.event_id, h.channel, h.user_id, h.attempt - 1 as attempt, h.since, h.expires_at, g.held_until
        from eventcenter.leased as h
        join unnest(p_event_ids, p_held_until) as g (event_id, held_until) on g.event_id = h.event_id
        where h.lease_id = p_lease
    ),
    held as (
        insert into eventcenter.attempts (event_id, channel, attempt, target, outcome, reason)
        select g.event_id, g.channel, g.attempt, '', 'held', 'quiet_hours' from given as g
        where g.held_until is not null
        on conflict do nothing
    ),
    back as (
        insert into eventcenter.deliveries
            (event_id, channel, user_id, attempt, due_at, since, expires_at, quarantined)
        select
            g.event_id, g.channel, g.user_id, g.attempt, coalesce(g.held_until, g.since),
            case
                when g.held_until is null then g.since
                when g.attempt = 0 then g.held_until
                else g.since + (g.held_until - statement_timestamp())
            end,
            g.expires_at,
            exists (
                select from eventcenter.attempts as a
                where a.event_id = g.event_id and a.channel = g.channel
                    and a.attempt = g.attempt and a.outcome = 'lost'
            )
        from given as g
        returning event_id
    )
    select array_agg(b.event_id) into v_held from back as b;
    if v_held is null then
        return 0;
    end if;
    perform eventcenter.shrink_lease(p_lease, v_held);
    return cardinality(v_held);
end $$;

-- Takes back expired leases, up to p_limit of them. The attempt is burned, since nobody knows how far it came; the
-- delivery waits in quarantine, and is dead after p_lost_max lost tries, since it may be what kills the workers.
create function eventcenter.rescue(p_limit integer, p_lost_max integer)
returns table (channel text, rescued bigint, dead bigint)
language plpgsql as $$
#variable_conflict use_column
begin
    return query
    -- What the locked rows hold, and not what this statement's snapshot saw: a settle may have come in between.
    with expired as materialized (
        select l.* from eventcenter.leases as l
        where l.until < clock_timestamp()
        order by l.id
        limit p_limit
        for update skip locked
    ),
    lost as materialized (
        select e.channel, h.*, p_lost_max <= 1 + (
            select count(*) from eventcenter.attempts as a
            where
                a.event_id = h.event_id and a.channel = e.channel and a.outcome = 'lost'
                -- A redrive starts afresh.
                and a.attempt > coalesce((
                    select max(r.attempt) from eventcenter.attempts as r
                    where r.event_id = h.event_id and r.channel = e.channel and r.outcome = 'redriven'
                ), 0)
        ) as is_dead
        from expired as e
        cross join unnest(e.event_ids, e.user_ids, e.attempts, e.since, e.expires_at)
            as h (event_id, user_id, attempt, since, expires_at)
    ),
    logged as (
        insert into eventcenter.attempts (event_id, channel, attempt, target, outcome, reason, balance)
        select
            l.event_id, l.channel, l.attempt, '',
            case when l.is_dead then 'dead' else 'lost' end, 'lease_expired', l.is_dead::integer
        from lost as l
    ),
    waiting as (
        insert into eventcenter.deliveries
            (event_id, channel, user_id, attempt, due_at, since, expires_at, quarantined)
        select l.event_id, l.channel, l.user_id, l.attempt, clock_timestamp(), l.since, l.expires_at, true
        from lost as l
        where not l.is_dead
    ),
    gone as (
        delete from eventcenter.leases as l
        where l.id in (select e.id from expired as e)
    )
    select l.channel, count(*), count(*) filter (where l.is_dead) from lost as l
    group by l.channel;
end $$;

-- Takes back what is still waiting, and says where each channel of the event stood.
-- A row that someone is claiming right now is skipped and counts as in flight.
create function eventcenter.cancel(p_event_id uuid) returns table (channel text, result text)
language plpgsql as $$
#variable_conflict use_column
declare
    v_waiting tid[];
    v_canceled text[];
begin
    v_waiting := array(
        select d.ctid from eventcenter.deliveries as d
        where d.event_id = p_event_id
        for update skip locked
    );
    with taken as (
        delete from eventcenter.deliveries as d
        where d.ctid = any(v_waiting)
        returning d.event_id, d.channel, d.attempt
    ),
    logged as (
        insert into eventcenter.attempts (event_id, channel, attempt, target, outcome, balance)
        select t.event_id, t.channel, t.attempt + 1, '', 'canceled', 1 from taken as t
        returning channel
    )
    select array_agg(l.channel) into v_canceled from logged as l;
    -- A letter that is not yet written does not tell of it. Its delivery was settled when it was put there, and stays so.
    with taken as (
        delete from eventcenter.digest_items as i
        where i.event_id = p_event_id
        returning i.event_id
    ),
    logged as (
        insert into eventcenter.attempts (event_id, channel, attempt, target, outcome)
        select t.event_id, 'email', 1, '', 'canceled' from taken as t
        returning channel
    )
    select v_canceled || array_agg(l.channel) into v_canceled from logged as l;
    insert into eventcenter.cancellations (event_id) values (p_event_id) on conflict do nothing;
    return query
    select s.channel, case
        when s.channel = any(v_canceled) then 'canceled'
        when s.state in ('sending', 'queued', 'retrying') then 'in_flight'
        else 'settled'
    end
    from eventcenter.delivery_status as s
    where s.event_id = p_event_id;
end $$;

-- Deliveries that ended badly: dead letters and refusals that nobody has redriven. A push that reached one browser and
-- was refused by another is none: it was sent.
create view eventcenter.ended as
select
    a.event_id,
    a.channel,
    a.attempt,
    a.outcome,
    a.reason,
    a.provider_code,
    a.at
from eventcenter.attempts as a
where
    a.balance = 1
    and a.outcome in ('failed', 'dead')
    and not exists (
        select from eventcenter.attempts as other
        where
            other.event_id = a.event_id and other.channel = a.channel
            and (other.attempt > a.attempt or other.outcome = 'sent')
    );

-- Tries dead letters (or refused deliveries) again, oldest first. Null leaves a filter out. The history keeps its
-- numbers: the redrive takes the next attempt, which the primary key lets happen once.
create function eventcenter.redrive(
    p_state text, p_channel text, p_type text, p_user_id bigint, p_event_id uuid, p_limit integer
) returns table (event_id uuid, channel text)
language sql
set enable_seqscan = off set jit = off
begin atomic
    with ended as (
        select a.event_id, a.channel, a.attempt, e.user_id, e.expires_at
        from eventcenter.ended as a
        join eventcenter.events as e on e.id = a.event_id
        where
            a.outcome = p_state
            and (p_channel is null or a.channel = p_channel)
            and (p_type is null or e.type = p_type)
            and (p_user_id is null or e.user_id = p_user_id)
            and (p_event_id is null or a.event_id = p_event_id)
        order by a.event_id, a.channel
        limit p_limit
    ),
    reopened as (
        insert into eventcenter.attempts (event_id, channel, attempt, target, outcome, balance)
        select ended.event_id, ended.channel, ended.attempt + 1, '', 'redriven', -1 from ended
        on conflict do nothing
        returning event_id, channel, attempt
    )
    insert into eventcenter.deliveries (event_id, channel, user_id, attempt, due_at, since, expires_at)
    select event_id, channel, ended.user_id, r.attempt, statement_timestamp(), statement_timestamp(), ended.expires_at
    from reopened as r
    join ended using (event_id, channel)
    returning event_id, channel;
end;
