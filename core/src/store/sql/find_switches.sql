-- What a person hears of, by type and each of the channels $2: the types of the vocabulary, and whatever else they have
-- switched off. Having unsubscribed from a type's mail is having switched it off.
with known as (
    select t.type from eventcenter.event_types as t
    union
    select p.type from eventcenter.preferences as p
    where p.user_id = $1
    union
    select s.scope from eventcenter.suppressions as s
    where s.user_id = $1 and s.reason = 'unsubscribe' and s.scope <> '*'
)

select
    k.type as "kind!",
    c.channel as "channel!",
    not exists (
        select from eventcenter.preferences as p
        where p.user_id = $1 and p.type = k.type and p.channel = c.channel
    )
    and not exists (
        select from eventcenter.suppressions as s
        where s.user_id = $1 and s.reason = 'unsubscribe' and s.scope in ('*', k.type) and c.channel = 'email'
    ) as "is_on!"
from known as k
cross join unnest($2::text[]) as c (channel);
