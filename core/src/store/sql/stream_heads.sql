-- Where these streams end, and what has left them by age.
select
    s.user_id,
    s.last_seq,
    s.trimmed_to
from eventcenter.streams as s
where s.user_id = any($1);
