-- What is known of a person's contact.
select
    r.email,
    r.name,
    r.locale,
    r.time_zone
from eventcenter.recipients as r
where r.user_id = $1;
