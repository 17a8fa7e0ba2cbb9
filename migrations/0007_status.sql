-- Where each delivery stands, in words, and whether the books balance.

-- One row per event and channel. State is where the row is; this view says it in words.
create view eventcenter.delivery_status as
select
    e.id as event_id,
    e.user_id,
    e.type,
    c.channel,
    case
        when i.seq <= w.acked_seq then 'delivered'
        when i.seq is not null then 'sent'
        when a.sent then 'sent'
        when d.event_id is not null and d.attempt > 0 then 'retrying'
        when d.due_at > now() then 'scheduled'
        when d.event_id is not null then 'queued'
        when l.event_id is not null then 'sending'
        -- Out of the inbox by age, as everything before it.
        when c.channel = 'ws' and a.outcome is null then 'sent'
        else a.outcome
    end as state,
    case when i.seq is null and not coalesce(a.sent, false) then a.reason end as reason,
    coalesce(d.due_at, l.until) as due_at,
    i.seq,
    coalesce(i.at, a.at) as changed_at
from eventcenter.events as e
cross join unnest(e.channels) as c (channel)
left join eventcenter.deliveries as d on d.event_id = e.id and d.channel = c.channel
left join lateral (
    select h.event_id, h.until from eventcenter.leased as h
    where h.event_id = e.id and h.channel = c.channel
    limit 1
) as l on true
left join eventcenter.inbox as i on c.channel = 'ws' and i.user_id = e.user_id and i.event_id = e.id
left join lateral (
    -- The furthest of the person's devices.
    select max(v.acked_seq) as acked_seq from eventcenter.devices as v
    where v.user_id = i.user_id
) as w on true
left join lateral (
    select
        bool_or(t.outcome = 'sent') as sent,
        (array_agg(t.outcome order by t.attempt desc, t.balance desc))[1] as outcome,
        (array_agg(t.reason order by t.attempt desc, t.balance desc))[1] as reason,
        max(t.at) as at
    from eventcenter.attempts as t
    where t.event_id = e.id and t.channel = c.channel
) as a on true;

-- The books since a moment, one row per channel: planned = waiting + leased + settled, delivery by delivery. `astray`
-- counts the deliveries for which that does not hold, and is 0 as long as we keep our promises. One statement, so one
-- snapshot: it may be asked at any time. Asked for less than the inbox keeps.
create function eventcenter.audit(p_since timestamptz default 'epoch')
returns table (channel text, planned bigint, waiting bigint, leased bigint, settled bigint, astray bigint)
language sql stable
begin atomic
    with entry (event_id, channel, planned, waiting, leased, settled) as (
        select e.id, c.channel, 1, 0, 0, 0
        from eventcenter.events as e cross join unnest(e.channels) as c (channel)
        where e.id >= eventcenter.uuid7_floor(p_since)
        union all
        select d.event_id, d.channel, 0, 1, 0, 0 from eventcenter.deliveries as d
        where d.event_id >= eventcenter.uuid7_floor(p_since)
        union all
        select l.event_id, l.channel, 0, 0, 1, 0 from eventcenter.leased as l
        where l.event_id >= eventcenter.uuid7_floor(p_since)
        union all
        select i.event_id, 'ws', 0, 0, 0, 1 from eventcenter.inbox as i
        where i.event_id >= eventcenter.uuid7_floor(p_since)
        union all
        select a.event_id, a.channel, 0, 0, 0, a.balance from eventcenter.attempts as a
        where a.balance <> 0 and a.event_id >= eventcenter.uuid7_floor(p_since)
    ),
    book as (
        select
            event_id, channel,
            sum(planned) as planned, sum(waiting) as waiting, sum(leased) as leased, sum(settled) as settled
        from entry
        group by event_id, channel
    )
    select
        channel, sum(planned)::bigint, sum(waiting)::bigint, sum(leased)::bigint, sum(settled)::bigint,
        count(*) filter (where planned <> 1 or waiting + leased + settled <> 1)
    from book
    group by channel
    order by channel;
end;
