-- Who is reached where, and which services may speak.

-- Whether Postgres can reckon with a time zone. A name it does not know would fail the statement that meets it, and
-- with it everybody's delivery in the same batch.
create function eventcenter.is_time_zone(name text) returns boolean
language plpgsql immutable as $$
begin
    return timezone(name, timestamp '2000-01-01') is not null;
exception
    when invalid_parameter_value then return false;
end $$;

-- An operator may replace this table by a view over the host's own users: same columns, and a null wherever the host
-- does not know. Then nothing here writes it, and everything that reads it takes its columns as they come.
create table eventcenter.recipients (
    user_id bigint primary key,
    email text,
    name text,
    locale text not null default 'en',
    time_zone text not null default 'UTC',
    -- Push and mail wait until the end of these hours, in the person's time zone. They may span midnight.
    quiet_from time,
    quiet_to time,
    -- Whether mail is gathered, and from which hour of the person's day on it is sent.
    digest text not null default 'off',
    digest_hour smallint not null default 9,
    updated_at timestamptz not null default now(),
    constraint user_id_is_positive check (user_id > 0),
    constraint email_is_one_address check (
        email ~ '^[^\s@[:cntrl:]<>,;"]+@[^\s@[:cntrl:]<>,;"]+$' and octet_length(email) <= 254
    ),
    constraint name_is_one_line_of_at_most_256_characters check (char_length(name) <= 256 and name !~ '[[:cntrl:]]'),
    constraint locale_is_a_language_tag check (locale ~ '^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$'),
    constraint time_zone_is_one_that_postgres_knows check (eventcenter.is_time_zone(time_zone)),
    constraint quiet_hours_begin_and_end check ((quiet_from is null) = (quiet_to is null)),
    constraint quiet_hours_leave_some_of_the_day check (quiet_from <> quiet_to),
    constraint digest_is_off_daily_or_weekly check (digest in ('off', 'daily', 'weekly')),
    constraint digest_hour_is_from_0_to_23 check (digest_hour between 0 and 23)
);
-- Few have any, and every batch of push and mail asks who does.
create index recipients_with_quiet_hours on eventcenter.recipients (user_id) where quiet_from is not null;

-- Browsers, many per person. An endpoint belongs to whoever subscribed with it last: a shared browser moves.
create table eventcenter.push_subscriptions (
    id uuid not null default eventcenter.uuid7(),
    user_id bigint not null,
    endpoint text not null,
    -- The browser's public key and secret (RFC 8291 §2).
    p256dh bytea not null,
    auth bytea not null,
    -- The VAPID key it was made with; the endpoint takes no other.
    vapid_key_id text not null,
    -- What the device says of itself, and what its owner calls it instead.
    device jsonb,
    name text,
    -- Its push service refuses the key that it is stored with: nothing is sent until the browser subscribes anew.
    needs_resubscribe boolean not null default false,
    created_at timestamptz not null default clock_timestamp(),
    -- When it was subscribed or renewed. What was heard of it before that no longer counts.
    updated_at timestamptz not null default clock_timestamp(),
    last_success_at timestamptz,
    constraint push_subscriptions_have_one_id primary key (id),
    -- 2 KiB fit an index entry, which may have 2,704 bytes.
    constraint an_endpoint_has_one_subscription unique (endpoint),
    constraint user_id_is_positive check (user_id > 0),
    constraint endpoint_is_at_most_2_kib check (octet_length(endpoint) <= 2048),
    constraint p256dh_is_a_point_of_65_bytes check (octet_length(p256dh) = 65),
    constraint auth_is_16_bytes check (octet_length(auth) = 16),
    constraint name_is_one_line_of_1_to_64_characters check (
        char_length(name) between 1 and 64 and name !~ '[[:cntrl:]]'
    )
)
-- Room in each page, so that noting a success need not touch the indexes (HOT).
with (fillfactor = 85);
create index push_subscriptions_of_user on eventcenter.push_subscriptions (user_id);

-- Keys of services. Only the hash is kept: a key has 256 random bits, so a plain SHA-256 cannot be searched.
create table eventcenter.service_keys (
    id bigint generated always as identity primary key,
    name text not null,
    -- The first characters, to tell keys apart in lists and logs.
    prefix text not null,
    hash bytea not null,
    created_at timestamptz not null default now(),
    revoked_at timestamptz,
    constraint a_service_key_is_stored_once unique (hash),
    constraint name_is_1_to_64_characters check (char_length(name) between 1 and 64)
);
