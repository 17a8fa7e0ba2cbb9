-- What a person wants to hear, and when; and where nothing may be written to. Asked when something is about to be sent,
-- so that what was said last counts, and a service's transaction pays nothing for it.

-- What people switched off, by type and channel. Whatever has no row is on, so most people have none.
create table eventcenter.preferences (
    user_id bigint not null,
    type text not null,
    channel text not null,
    constraint a_preference_is_stored_once primary key (user_id, type, channel),
    constraint user_id_is_positive check (user_id > 0),
    constraint type_is_lower_case_and_at_most_64 check (type !~ '[^a-z0-9_.-]' and char_length(type) between 1 and 64),
    constraint channel_is_ws_push_or_email check (eventcenter.is_channel_set(array[channel]))
);

-- Where no mail may go: an address that bounced, or a person who unsubscribed, whatever their address.
create table eventcenter.suppressions (
    id bigint generated always as identity primary key,
    -- In lower case: nobody has two mailboxes that differ in that.
    address text,
    user_id bigint,
    -- A type of events, or `*`: every type.
    scope text not null default '*',
    reason text not null,
    -- What the other side said, for an operator.
    detail text,
    created_at timestamptz not null default now(),
    constraint a_suppression_is_stored_once unique nulls not distinct (address, user_id, scope, reason),
    constraint address_or_user_id_is_given_and_not_both check (num_nonnulls(address, user_id) = 1),
    constraint address_is_one_lower_case_mail_address check (
        address ~ '^[^\s@[:cntrl:]<>,;"]+@[^\s@[:cntrl:]<>,;"]+$' and octet_length(address) <= 254
        and address = lower(address)
    ),
    constraint user_id_is_positive check (user_id > 0),
    constraint scope_is_a_star_or_a_type check (
        scope = '*' or (scope !~ '[^a-z0-9_.-]' and char_length(scope) between 1 and 64)
    ),
    constraint reason_is_bounce_complaint_manual_or_unsubscribe check (
        reason in ('bounce', 'complaint', 'manual', 'unsubscribe')
    ),
    constraint detail_is_at_most_500_characters check (char_length(detail) <= 500)
);
create index suppressions_of_user on eventcenter.suppressions (user_id) where user_id is not null;

-- When the quiet hours end that a person is in at p_at, or null when they are in none. Reckoned on the wall clock of
-- their zone, so a change to or from summer time moves nothing: an end that the clock skips comes as much later as it
-- skips, and one that it shows twice is the second.
create function eventcenter.quiet_until(p_from time, p_to time, p_zone text, p_at timestamptz) returns timestamptz
language plpgsql stable as $$
declare
    v_zone text;
    v_local timestamp;
    v_day date;
begin
    if p_from is null or p_to is null then
        return null;
    end if;
    v_zone := case when eventcenter.is_time_zone(p_zone) then p_zone else 'UTC' end;
    v_local := p_at at time zone v_zone;
    v_day := v_local::date;
    if p_from < p_to and v_local::time >= p_from and v_local::time < p_to then
        return (v_day + p_to) at time zone v_zone;
    elsif p_from > p_to and v_local::time >= p_from then
        return (v_day + 1 + p_to) at time zone v_zone;
    elsif p_from > p_to and v_local::time < p_to then
        return (v_day + p_to) at time zone v_zone;
    end if;
    return null;
end $$;

-- The one place that decides whether and when something is sent. Answers a row for each of these deliveries that may
-- not go out now: for which reason never (canceled, suppressed, unsubscribed, preference), or until when it is held.
--   canceled      its producer took the event back while a worker held the delivery.
--   suppressed    mail alone: the address bounced or complained, or an operator said so.
--   unsubscribed  mail alone: the person unsubscribed from the type.
--   preference    the person switched the type off on this channel.
--   held          push and mail alone: until the person's quiet hours end. What is critical does not wait.
-- A critical system.alert always reaches the stream, and neither an unsubscribe nor a complaint keeps its mail back.
--
-- Most batches are about nobody of whom anything is known: they cost a few probes of indexes.
create function eventcenter.rulings(p_channel text, p_event_ids uuid[], p_user_ids bigint[])
returns table (event_id uuid, reason text, held_until timestamptz)
language plpgsql stable rows 10
set enable_nestloop = on set enable_seqscan = off set jit = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
    v_canceled uuid[];
    v_people bigint[];
    v_first uuid;
    v_last uuid;
begin
    -- Each asks first whether there is anything at all to find: to probe empty indexes for each of a batch takes one part
    -- in thirty of all that a delivery takes. The people may be a view of the host's: any one of them answers, at once.
    v_canceled := array(
        select c.event_id from eventcenter.cancellations as c
        where exists (select from eventcenter.cancellations) and c.event_id = any(p_event_ids)
    );
    v_people := array(
        select p.user_id from eventcenter.preferences as p
        where exists (select from eventcenter.preferences) and p.user_id = any(p_user_ids) and p.channel = p_channel
    );
    -- Statements of their own: setting one up costs, also where it then finds nothing.
    if p_channel <> 'ws' then
        v_people := v_people || array(
            select r.user_id from eventcenter.recipients as r
            where
                exists (select from eventcenter.recipients)
                and r.user_id = any(p_user_ids) and r.quiet_from is not null
        );
    end if;
    if p_channel = 'email' then
        v_people := v_people || array(
            select s.user_id from eventcenter.suppressions as s
            where s.user_id = any(p_user_ids)
            union all
            select r.user_id from eventcenter.recipients as r
            join eventcenter.suppressions as s on s.address = lower(r.email)
            where r.user_id = any(p_user_ids)
        );
    end if;
    if v_canceled = '{}' and v_people = '{}' then
        return;
    end if;
    -- The bounds let the planner leave out the partitions of other days.
    v_first := (select d.event_id from unnest(p_event_ids) as d (event_id) order by d.event_id limit 1);
    v_last := (select d.event_id from unnest(p_event_ids) as d (event_id) order by d.event_id desc limit 1);
    return query
    select e.id, ruled.reason, case when ruled.reason is null then quiet.ends_at end
    from unnest(p_event_ids, p_user_ids) as d (event_id, user_id)
    join eventcenter.events as e on e.id = d.event_id and e.id between v_first and v_last
    left join eventcenter.recipients as r on r.user_id = d.user_id
    cross join lateral (select e.level = 'critical', e.type = 'system.alert') as is_it (critical, alert)
    left join lateral (
        select case when s.reason = 'unsubscribe' then 'unsubscribed' else 'suppressed' end as reason
        from eventcenter.suppressions as s
        where
            p_channel = 'email'
            and (s.address = lower(r.email) or s.user_id = d.user_id)
            and s.scope in ('*', e.type)
            and (s.reason in ('bounce', 'manual') or not (is_it.critical and is_it.alert))
        -- Of several, what an operator has to look into: bounce, complaint, manual, unsubscribe.
        order by s.reason
        limit 1
    ) as mail on true
    left join eventcenter.preferences as p
        on p.user_id = d.user_id and p.type = e.type and p.channel = p_channel
        and not (p_channel = 'ws' and is_it.critical and is_it.alert)
    cross join lateral (
        select case
            when d.event_id = any(v_canceled) then 'canceled'
            when mail.reason is not null then mail.reason
            when p.user_id is not null then 'preference'
        end as reason
    ) as ruled
    cross join lateral (
        select case
            when p_channel <> 'ws' and not is_it.critical
                then eventcenter.quiet_until(r.quiet_from, r.quiet_to, r.time_zone, statement_timestamp())
        end as ends_at
    ) as quiet
    where
        (d.user_id = any(v_people) or d.event_id = any(v_canceled))
        and (ruled.reason is not null or quiet.ends_at is not null);
end $$;

-- Forgets a person, up to p_limit of their events a call: how to reach them, what they wished, and what they were told.
-- A contact that the host keeps is the host's to forget, and an address that bounced stays suppressed, since it is the
-- address that must not be written to. Events of which a worker holds a delivery stay for a later call.
create function eventcenter.erase(p_user_id bigint, p_limit integer)
returns table (erased bigint, in_flight bigint)
language plpgsql as $$
declare
    v_ids uuid[];
    v_waiting tid[];
begin
    if (select c.relkind from pg_catalog.pg_class as c where c.oid = 'eventcenter.recipients'::regclass) <> 'v' then
        delete from eventcenter.recipients as r where r.user_id = p_user_id;
    end if;
    delete from eventcenter.push_subscriptions as s where s.user_id = p_user_id;
    delete from eventcenter.devices as d where d.user_id = p_user_id;
    delete from eventcenter.last_seen as l where l.user_id = p_user_id;
    delete from eventcenter.preferences as p where p.user_id = p_user_id;
    delete from eventcenter.suppressions as s where s.user_id = p_user_id;
    -- As an append does, before anything of the stream: whoever appends now waits.
    perform from eventcenter.streams as s where s.user_id = p_user_id for update;

    v_ids := array(
        select e.id from eventcenter.events as e
        where e.user_id = p_user_id
        order by e.id
        limit p_limit
    );
    v_waiting := array(
        select d.ctid from eventcenter.deliveries as d
        where d.event_id = any(v_ids)
        for update skip locked
    );
    -- One snapshot for both, so that what is being claimed is seen in one place or the other.
    erased := cardinality(v_ids);
    v_ids := array(
        select unnest(v_ids)
        except
        (
            select d.event_id from eventcenter.deliveries as d
            where d.event_id = any(v_ids) and d.ctid <> all(v_waiting)
            union all
            select l.event_id from eventcenter.leased as l
            where l.user_id = p_user_id
        )
    );
    in_flight := erased - cardinality(v_ids);
    erased := cardinality(v_ids);

    delete from eventcenter.deliveries as d where d.event_id = any(v_ids);
    delete from eventcenter.digest_items as i where i.user_id = p_user_id;
    delete from eventcenter.digests as d where d.user_id = p_user_id;
    delete from eventcenter.inbox as i where i.user_id = p_user_id and i.event_id = any(v_ids);
    update eventcenter.streams as s
    set (trimmed_to, unread, unseen) = (
        select
            coalesce(min(i.seq) - 1, s.last_seq),
            count(*) filter (where eventcenter.is_unread(i)),
            count(*) filter (where eventcenter.is_unseen(i))
        from eventcenter.inbox as i
        where i.user_id = p_user_id
    )
    where s.user_id = p_user_id;
    delete from eventcenter.attempts as a where a.event_id = any(v_ids);
    delete from eventcenter.engagements as g where g.event_id = any(v_ids);
    delete from eventcenter.event_keys as k where k.event_id = any(v_ids);
    delete from eventcenter.cancellations as c where c.event_id = any(v_ids);
    delete from eventcenter.actions as a where a.event_id = any(v_ids);
    delete from eventcenter.answers as a where a.event_id = any(v_ids);
    delete from eventcenter.events as e where e.id = any(v_ids);
    return next;
end $$;

revoke execute on all functions in schema eventcenter from public;
