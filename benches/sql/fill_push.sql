-- $1 events for push alone, of 10,000 people.
insert into eventcenter.events (user_id, type, title, body, channels)
select
    1 + n % 10000,
    'job.done',
    'Your photo is ready',
    'The photo that you uploaded this morning has been developed and can be downloaded for the next seven days.',
    '{push}'
from generate_series(1, $1) as n
