-- Mail addresses of these people. Columns are taken as they come, since the host may have put a view here.
select
    r.user_id::bigint as "user_id!",
    r.email::text as "email!",
    r.name::text as name,
    coalesce(r.locale::text, 'en') as "locale!"
from eventcenter.recipients as r
where
    r.user_id = any($1)
    and r.email is not null;
