-- What people do: the marks of their inbox, their answers, and the tests they make of their own channels.

-- A page of an inbox and the counts of the same snapshot: at least one row for whoever has a stream. Newest first: an
-- entry stands at its number, or, back from a snooze, above the entry that was the last one then. The cursor is the
-- place and the number of the entry before. Built by filter, since no plan for all filters could use their indexes.
create function eventcenter.inbox_page(p_user_id bigint, p_filter text, p_place bigint, p_seq bigint, p_limit integer)
returns table (
    last_seq bigint, unread bigint, unseen bigint, place bigint, seq bigint, event_id uuid,
    seen_at timestamptz, read_at timestamptz, archived_at timestamptz, snoozed_until timestamptz
)
language plpgsql set jit = off as $$
begin
    return query execute format(
        $query$
        select s.last_seq, s.unread, s.unseen, e.*
        from eventcenter.streams as s
        left join lateral (
            (
                select i.seq as place, i.seq, i.event_id, i.seen_at, i.read_at, i.archived_at, i.snoozed_until
                from eventcenter.inbox as i
                where i.user_id = $1 and i.returned_to is null and i.seq <= $2 and (i.seq < $2 or i.seq > $3) and %1$s
                order by i.seq desc
                limit $4
            )
            union all
            (
                select i.returned_to, i.seq, i.event_id, i.seen_at, i.read_at, i.archived_at, i.snoozed_until
                from eventcenter.inbox as i
                where i.user_id = $1 and i.returned_to <= $2 and (i.returned_to < $2 or i.seq > $3) and %1$s
                order by i.returned_to desc, i.seq
                limit $4
            )
            order by place desc, seq
            limit $4
        ) as e on true
        where s.user_id = $1
        order by e.place desc, e.seq
        $query$,
        case p_filter
            when 'all' then 'i.archived_at is null and i.snoozed_until is null'
            when 'unread' then 'i.read_at is null and i.archived_at is null and i.snoozed_until is null'
            when 'archived' then 'i.archived_at is not null'
            when 'snoozed' then 'i.snoozed_until is not null'
        end
    ) using p_user_id, p_place, p_seq, p_limit;
end $$;

-- Sends a frame to all sessions of a person, on every node: the payload is the user and the frame, as sockets get it.
-- Postgres takes less than 8,000 bytes; of a longer frame, p_short replaces what makes it long.
create function eventcenter.tell(p_user_id bigint, p_frame jsonb, p_short jsonb) returns void
language plpgsql as $$
begin
    if octet_length(p_frame::text) > 7400 then
        p_frame := p_frame || p_short;
    end if;
    perform pg_notify('eventcenter_marks', p_user_id || ' ' || p_frame);
end $$;

-- Tells the person's sessions what was done in one of them. Neither ids nor up_to_seq: read the inbox anew.
create function eventcenter.announce_marks(
    p_user_id bigint, p_mark text, p_ids text[], p_up_to_seq bigint, p_until timestamptz
) returns void
language plpgsql as $$
begin
    perform eventcenter.tell(
        p_user_id,
        jsonb_build_object(
            't', 'marks',
            'op', case p_mark
                when 'archive' then 'archived'
                when 'unarchive' then 'unarchived'
                when 'snooze' then 'snoozed'
                when 'unsnooze' then 'unsnoozed'
                else p_mark
            end,
            'ids', to_jsonb(p_ids), 'up_to_seq', p_up_to_seq, 'until', p_until,
            'unread', s.unread, 'unseen', s.unseen
        ),
        '{"ids": null, "up_to_seq": null}'
    )
    from eventcenter.streams as s
    where s.user_id = p_user_id;
end $$;

-- Puts a mark on entries of one person and counts what that changes; answers how many it changed. Its callers have
-- locked the stream, so nobody else changes these entries meanwhile.
-- What is archived does not return, what is snoozed is not archived, and what returns is unread and unseen. An
-- unsnooze wakes what sleeps until p_until at the latest.
create function eventcenter.mark(p_user_id bigint, p_mark text, p_seqs bigint[], p_until timestamptz) returns bigint
language plpgsql set jit = off as $$
declare
    v_changed bigint;
begin
    with old as materialized (
        select i.seq, eventcenter.is_unread(i) as is_unread, eventcenter.is_unseen(i) as is_unseen
        from eventcenter.inbox as i
        where
            i.user_id = p_user_id
            and i.seq = any(p_seqs)
            and case p_mark
                when 'seen' then i.seen_at is null
                when 'read' then i.read_at is null
                when 'unread' then i.read_at is not null
                when 'archive' then i.archived_at is null
                when 'unarchive' then i.archived_at is not null
                when 'snooze' then i.snoozed_until is distinct from p_until
                when 'unsnooze' then i.snoozed_until <= p_until
            end
    ),
    new as (
        update eventcenter.inbox as i
        set
            seen_at = case
                when p_mark in ('seen', 'read') then coalesce(i.seen_at, statement_timestamp())
                when p_mark <> 'unsnooze' then i.seen_at
            end,
            read_at = case
                when p_mark = 'read' then statement_timestamp()
                when p_mark not in ('unread', 'unsnooze') then i.read_at
            end,
            archived_at = case
                when p_mark = 'archive' then statement_timestamp()
                when p_mark not in ('unarchive', 'snooze') then i.archived_at
            end,
            snoozed_until = case
                when p_mark = 'snooze' then p_until
                when p_mark not in ('archive', 'unsnooze') then i.snoozed_until
            end,
            returned_to = case
                when p_mark = 'unsnooze' then (
                    select s.last_seq from eventcenter.streams as s
                    where s.user_id = p_user_id
                )
                else i.returned_to
            end
        where i.user_id = p_user_id and i.seq = any(array(select old.seq from old))
        returning i.seq, eventcenter.is_unread(i) as is_unread, eventcenter.is_unseen(i) as is_unseen
    ),
    difference as (
        select
            count(*) as changed,
            sum(new.is_unread::integer - old.is_unread::integer) as unread,
            sum(new.is_unseen::integer - old.is_unseen::integer) as unseen
        from old join new using (seq)
    ),
    counted as (
        update eventcenter.streams as s
        set unread = s.unread + d.unread, unseen = s.unseen + d.unseen
        from difference as d
        where s.user_id = p_user_id and d.changed > 0
    )
    select d.changed into v_changed from difference as d;
    return v_changed;
end $$;

-- Marks the entries of these events, if they are the person's, and tells their sessions. A snooze has its `until`.
create function eventcenter.mark_entries(
    p_user_id bigint, p_mark text, p_event_ids uuid[], p_keys text[], p_until timestamptz
) returns table (changed bigint, unread bigint, unseen bigint)
language plpgsql set jit = off as $$
declare
    v_seqs bigint[];
    v_ids text[];
begin
    if p_mark = 'snooze' and not p_until between statement_timestamp() and statement_timestamp() + interval '90 days' then
        raise check_violation using
            message = 'a snooze must end within 90 days', constraint = 'until_is_from_now_to_90_days_ahead';
    end if;
    perform from eventcenter.streams as s where s.user_id = p_user_id for update;
    select array_agg(i.seq), array_agg(eventcenter.public_id(i.event_id, k.key)) into v_seqs, v_ids
    from eventcenter.inbox as i
    left join eventcenter.event_keys as k on k.event_id = i.event_id
    where
        i.user_id = p_user_id
        and i.event_id = any(
            p_event_ids || array(select n.event_id from eventcenter.event_keys as n where n.key = any(p_keys))
        );
    changed := eventcenter.mark(p_user_id, p_mark, v_seqs, coalesce(p_until, 'infinity'));
    if changed > 0 then
        perform eventcenter.announce_marks(p_user_id, p_mark, v_ids, null, case p_mark when 'snooze' then p_until end);
    end if;
    return query
    select changed, coalesce(max(s.unread), 0), coalesce(max(s.unseen), 0) from eventcenter.streams as s
    where s.user_id = p_user_id;
end $$;

-- The same for seen, read and archive, on whatever stands at p_up_to_seq or below it: newest first, up to p_limit
-- entries a call, so that no append waits long for the stream. Fewer changed means that all are done.
create function eventcenter.mark_up_to(p_user_id bigint, p_mark text, p_up_to_seq bigint, p_limit integer)
returns table (changed bigint, unread bigint, unseen bigint)
language plpgsql set jit = off as $$
declare
    v_stream eventcenter.streams;
    v_seqs bigint[];
begin
    select * into v_stream from eventcenter.streams as s where s.user_id = p_user_id for update;
    if p_mark = 'archive' then
        v_seqs := array(
            select i.seq from eventcenter.inbox as i
            where
                i.user_id = p_user_id
                and i.archived_at is null
                and i.snoozed_until is null
                and i.seq <= p_up_to_seq
                and coalesce(i.returned_to <= p_up_to_seq, true)
            order by i.seq desc
            limit p_limit
        );
    else
        v_seqs := array(
            select i.seq from eventcenter.inbox as i
            where
                i.user_id = p_user_id
                and i.read_at is null
                and i.archived_at is null
                and i.snoozed_until is null
                and (p_mark = 'read' or i.seen_at is null)
                and i.seq <= p_up_to_seq
                and coalesce(i.returned_to <= p_up_to_seq, true)
            order by i.seq desc
            -- What is unseen is mostly new: once all of it is found, the search is over.
            limit least(p_limit, case p_mark when 'read' then v_stream.unread else v_stream.unseen end)
        );
    end if;
    changed := eventcenter.mark(p_user_id, p_mark, v_seqs, null);
    if changed > 0 then
        perform eventcenter.announce_marks(p_user_id, p_mark, null, p_up_to_seq, null);
    end if;
    return query
    select changed, coalesce(max(s.unread), 0), coalesce(max(s.unseen), 0) from eventcenter.streams as s
    where s.user_id = p_user_id;
end $$;

-- Brings back what was snoozed until now, up to p_limit entries of people in the order of appends; answers how many.
create function eventcenter.return_snoozed(p_limit integer) returns bigint
language plpgsql set jit = off as $$
declare
    v_user_id bigint;
    v_event_ids uuid[];
    v_returned bigint := 0;
begin
    for v_user_id, v_event_ids in
        select d.user_id, array_agg(d.event_id)
        from (
            select i.user_id, i.event_id from eventcenter.inbox as i
            where i.snoozed_until <= statement_timestamp()
            order by i.snoozed_until
            limit p_limit
        ) as d
        group by d.user_id
        order by d.user_id
    loop
        v_returned := v_returned + (
            select m.changed
            from eventcenter.mark_entries(v_user_id, 'unsnooze', v_event_ids, '{}', statement_timestamp()) as m
        );
    end loop;
    return v_returned;
end $$;

-- Events that ask: by the name of their action, data.action_id. A person may be asked again under the same name; the
-- newest event counts. Nothing is unique here, so that no emit ever waits for another one.
create table eventcenter.actions (
    action_id text not null,
    user_id bigint not null,
    event_id uuid not null,
    constraint an_event_asks_once primary key (action_id, user_id, event_id)
);
create index actions_of_event on eventcenter.actions (event_id);

-- What people answered, once and for good. A service on this database reads it in its own transaction:
-- `grant eventcenter_reader to task_service`.
create table eventcenter.answers (
    action_id text not null,
    user_id bigint not null,
    -- The event that was answered: the newest one of that name then.
    event_id uuid not null,
    -- The value of one of its options, or a text where it has none.
    option text,
    text text,
    answered_at timestamptz not null default statement_timestamp(),
    constraint an_action_is_answered_once primary key (action_id, user_id),
    constraint an_answer_is_an_option_or_a_text check (num_nonnulls(option, text) = 1),
    constraint text_is_1_to_4096_bytes check (octet_length(text) between 1 and 4096)
);
create index answers_of_event on eventcenter.answers (event_id);

-- Beside plan(), for HTTP and SQL alike. An event without an action costs a look into its data.
create function eventcenter.note_actions() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    if exists (select from new_events where data ? 'action_id') then
        insert into eventcenter.actions (action_id, user_id, event_id)
        select e.data ->> 'action_id', e.user_id, e.id from new_events as e
        where
            jsonb_typeof(e.data -> 'action_id') = 'string'
            and char_length(e.data ->> 'action_id') between 1 and 255
            and e.data ->> 'action_id' !~ '[[:cntrl:]]';
    end if;
    return null;
end $$;

create trigger note_actions after insert on eventcenter.events
referencing new table as new_events
for each statement execute function eventcenter.note_actions();

-- The first answer stands: `is_new` says whether it is this one. No row: the event has expired. Whoever answered has
-- read the question, wherever it was asked; their other sessions close it, and whoever waits for the answer is woken.
create function eventcenter.answer(
    p_user_id bigint, p_action_id text, p_event_id uuid, p_option text, p_text text
) returns table (is_new boolean, event_id uuid, option text, text text, answered_at timestamptz)
language plpgsql set jit = off as $$
#variable_conflict use_column
declare
    v_is_new boolean;
begin
    insert into eventcenter.answers (action_id, user_id, event_id, option, text)
    select p_action_id, p_user_id, e.id, p_option, p_text from eventcenter.events as e
    where e.id = p_event_id and coalesce(e.expires_at > statement_timestamp(), true)
    on conflict do nothing;
    v_is_new := found;
    if v_is_new then
        perform eventcenter.mark_entries(
            p_user_id,
            'read',
            array(
                select a.event_id from eventcenter.actions as a
                where a.action_id = p_action_id and a.user_id = p_user_id
            ),
            '{}',
            null
        );
        perform eventcenter.tell(
            p_user_id,
            jsonb_build_object(
                't', 'answered',
                'action_id', p_action_id,
                'event_id', eventcenter.public_id(
                    p_event_id, (select k.key from eventcenter.event_keys as k where k.event_id = p_event_id)
                ),
                'answer', jsonb_strip_nulls(jsonb_build_object('option', p_option, 'text', p_text))
            ),
            '{"answer": null}'
        );
        perform pg_notify('eventcenter_answers', p_action_id);
    end if;
    return query
    select v_is_new, a.event_id, a.option, a.text, a.answered_at from eventcenter.answers as a
    where a.action_id = p_action_id and a.user_id = p_user_id;
end $$;

-- Reads answers, and nothing else.
do $$
begin
    create role eventcenter_reader nologin;
exception
    when duplicate_object or unique_violation then null;
end $$;
grant usage on schema eventcenter to eventcenter_reader;
grant select on eventcenter.answers to eventcenter_reader;

-- A person's test of their own channels. Of no use a minute later, so push services need not keep it.
insert into eventcenter.event_types (type, channels, push_ttl_s) values ('diagnostics.loopback', '{ws}', 60);

-- How much a person tests: the leaky bucket of the generic cell rate algorithm, as the moment when it will have run
-- empty. Of no use after a crash.
create unlogged table eventcenter.loopback_rates (
    user_id bigint primary key,
    empty_at timestamptz not null
);

revoke execute on all functions in schema eventcenter from public;
