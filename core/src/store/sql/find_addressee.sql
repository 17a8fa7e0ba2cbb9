-- To whom an event's mail goes now, and what type it is of.
select
    e.type as kind,
    r.email::text as "address!"
from eventcenter.events as e
inner join eventcenter.recipients as r on e.user_id = r.user_id
where
    e.id = $1
    and r.email is not null;
