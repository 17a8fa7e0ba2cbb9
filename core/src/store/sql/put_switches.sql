-- Replaces what a person has switched off: types $2 on channels $3. Whose mail they want again, they are subscribed to.
with off as (
    select o.type, o.channel from unnest($2::text[], $3::text[]) as o (type, channel)
),

on_again as (
    delete from eventcenter.preferences as p
    where
        p.user_id = $1
        and not exists (select from off as o where o.type = p.type and o.channel = p.channel)
),

subscribed as (
    delete from eventcenter.suppressions as s
    where
        s.user_id = $1
        and s.reason = 'unsubscribe'
        and not exists (select from off as o where o.type = s.scope and o.channel = 'email')
)

insert into eventcenter.preferences (user_id, type, channel)
select $1, o.type, o.channel from off as o
on conflict do nothing;
