-- Replaces what is known of a person's contact.
insert into eventcenter.recipients as r (
    user_id, email, name, locale, time_zone, quiet_from, quiet_to, digest, digest_hour
)
values ($1, $2, $3, $4, $5, $6::text::time, $7::text::time, $8, $9)
on conflict (user_id) do update
set
    email = excluded.email,
    name = excluded.name,
    locale = excluded.locale,
    time_zone = excluded.time_zone,
    quiet_from = excluded.quiet_from,
    quiet_to = excluded.quiet_to,
    digest = excluded.digest,
    digest_hour = excluded.digest_hour,
    updated_at = now();
