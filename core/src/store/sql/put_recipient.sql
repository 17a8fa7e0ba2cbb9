-- Replaces what is known of a person's contact.
insert into eventcenter.recipients as r (user_id, email, name, locale, time_zone)
values ($1, $2, $3, $4, $5)
on conflict (user_id) do update
set
    email = excluded.email,
    name = excluded.name,
    locale = excluded.locale,
    time_zone = excluded.time_zone,
    updated_at = now();
