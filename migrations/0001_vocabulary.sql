-- The schema, its roles, its ids, and the vocabulary of event types.

create schema if not exists eventcenter;

-- Services that emit by SQL get this role and nothing else: `grant eventcenter_emitter to photo_service`.
-- Roles belong to the whole cluster, so another database may have made it already.
do $$
begin
    create role eventcenter_emitter nologin;
exception
    when duplicate_object or unique_violation then null;
end $$;

revoke all on schema eventcenter from public;
grant usage on schema eventcenter to eventcenter_emitter;
-- A UUIDv7 (RFC 9562 §5.7, method 3): 48 bits of milliseconds, 12 bits of the millisecond's fraction, the rest random.
-- The fraction keeps ids in the order of their calls, which is the order in which a person's direct inserts are shown.
-- In PL/pgSQL, which keeps its plans: an SQL body is set up anew by every statement. The path is fixed, since it is the
-- default of a column in which services insert, and a function of theirs must not mint ids.
create function eventcenter.uuid7(at timestamptz default clock_timestamp()) returns uuid
language plpgsql volatile parallel safe set search_path = pg_catalog, pg_temp as $$
declare
    us bigint := date_part('epoch', at) * 1000000;
begin
    return encode(
        int8send((us / 1000 << 16) | 28672 | (us % 1000 * 4096 / 1000))
        || substring(uuid_send(gen_random_uuid()) from 9),
        'hex'
    )::uuid;
end $$;

-- The smallest id of a moment: the bounds of partitions, and of every look-up by time.
create function eventcenter.uuid7_floor(at timestamptz) returns uuid
language sql immutable parallel safe
return rpad(lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0'), 32, '0')::uuid;

-- The moment of an id, to the millisecond.
create function eventcenter.uuid7_time(id uuid) returns timestamptz
language sql immutable parallel safe
return to_timestamp(('x' || lpad(left(replace(id::text, '-', ''), 12), 16, '0'))::bit(64)::bigint / 1000.0);

-- How an event is called outside: by its producer's own name, or by its id.
create function eventcenter.public_id(id uuid, key text) returns text
language sql immutable parallel safe
return coalesce(key, 'evt_' || replace(id::text, '-', ''));

-- One rule for every list of channels. A new channel is added here and in core's `Channel`. An array of arrays, or one
-- that starts at 0, is refused too: workers could not read it. In PL/pgSQL for the sake of events; see there.
create function eventcenter.is_channel_set(channels text[]) returns boolean
language plpgsql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
begin
    return cardinality(channels)
        = (channels @> '{ws}')::integer + (channels @> '{push}')::integer + (channels @> '{email}')::integer
        and coalesce(array_ndims(channels) = 1 and array_lower(channels, 1) = 1, true);
end $$;

-- What each type of event means unless its producer says otherwise. Operators may add and change rows;
-- a type that is not listed goes to ws alone.
create table eventcenter.event_types (
    type text primary key,
    channels text[] not null,
    -- Channels on which this type would only annoy: planned all the same, and settled as skipped: noise.
    noise text[] not null default '{}',
    -- How long a push service may keep it for a device that is off (RFC 8030 §5.2), when the event has no expires_at.
    push_ttl_s integer not null default 86400,
    -- When the reply to a mail's final dot was lost, nobody knows whether the server took it: `retry` sends it again,
    -- under the same Message-ID, and `settle` lets it fail with reason `ambiguous`.
    email_ambiguous text not null default 'retry',
    constraint type_is_lower_case_and_at_most_64 check (type !~ '[^a-z0-9_.-]' and char_length(type) between 1 and 64),
    constraint channels_are_ws_push_or_email check (
        eventcenter.is_channel_set(channels) and cardinality(channels) > 0
    ),
    constraint noise_is_ws_push_or_email check (eventcenter.is_channel_set(noise)),
    constraint email_ambiguous_is_retry_or_settle check (email_ambiguous in ('retry', 'settle')),
    constraint push_ttl_is_at_most_28_days check (push_ttl_s between 1 and 2419200)
);

insert into eventcenter.event_types (type, channels, noise, push_ttl_s) values
('job.done', '{ws,push}', '{}', 86400),
('job.progress', '{ws}', '{push,email}', 60),
('action.required', '{ws,push}', '{}', 259200),
('message.new', '{ws,push}', '{email}', 86400),
('reminder.due', '{push,ws}', '{}', 21600),
('system.alert', '{ws,push}', '{}', 86400),
('task.created', '{ws}', '{}', 86400);
