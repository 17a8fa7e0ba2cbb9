-- What is known of a person's contact. Columns are taken as they come, since the host may have put a view here.
select
    r.email::text as email,
    r.name::text as name,
    coalesce(r.locale::text, 'en') as "locale!",
    coalesce(r.time_zone::text, 'UTC') as "time_zone!",
    to_char(r.quiet_from, 'HH24:MI') as quiet_from,
    to_char(r.quiet_to, 'HH24:MI') as quiet_to,
    coalesce(r.digest::text, 'off') as "digest!",
    coalesce(r.digest_hour, 9)::smallint as "digest_hour!"
from eventcenter.recipients as r
where r.user_id = $1;
