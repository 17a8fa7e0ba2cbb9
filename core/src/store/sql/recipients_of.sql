-- Mail addresses of these people.
select
    r.user_id,
    r.email as "email!",
    r.name,
    r.locale
from eventcenter.recipients as r
where
    r.user_id = any($1)
    and r.email is not null;
