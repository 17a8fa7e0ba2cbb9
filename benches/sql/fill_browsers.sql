-- $1 people with a browser each, spread over the origins $2, and an event for each of them by push alone.
with browsers as (
    insert into eventcenter.push_subscriptions (user_id, endpoint, p256dh, auth, vapid_key_id)
    select
        n,
        ($2::text [])[1 + n % cardinality($2::text [])] || '/push/' || n,
        $3,
        $4,
        $5
    from generate_series(1, $1) as n
    returning user_id
)

insert into eventcenter.events (user_id, type, title, body, channels)
select
    user_id,
    'job.done',
    'Your photo is ready',
    'The photo that you uploaded this morning has been developed and can be downloaded for the next seven days.',
    '{push}'
from browsers
