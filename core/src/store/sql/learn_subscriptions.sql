-- What push services said of browsers. Those that are gone are removed; those that refuse our key get nothing until
-- they subscribe anew; and when one took something is noted, once a minute at most. A browser that was renewed since it
-- was loaded is another one. Nobody waits here: what somebody else is writing is left out, and the next push finds out
-- again.
with heard as (
    select
        s.id,
        h.standing
    from unnest($1::uuid[], $2::timestamptz[], $3::text[]) as h (id, updated_at, standing)
    inner join eventcenter.push_subscriptions as s on h.id = s.id and h.updated_at = s.updated_at
    where h.standing <> 'accepts' or s.last_success_at is null or s.last_success_at < now() - interval '1 minute'
    for update of s skip locked
),

gone as (
    delete from eventcenter.push_subscriptions as s
    where s.id in (select h.id from heard as h where h.standing = 'gone')
    returning s.id
),

refusing as (
    update eventcenter.push_subscriptions as s
    set needs_resubscribe = true
    where s.id in (select h.id from heard as h where h.standing = 'refuses') and not s.needs_resubscribe
    returning s.id
),

accepting as (
    update eventcenter.push_subscriptions as s
    set last_success_at = now()
    where s.id in (select h.id from heard as h where h.standing = 'accepts')
    returning s.id
)

select
    (select count(*) from gone) as "gone!",
    (select count(*) from refusing) as "refusing!",
    (select count(*) from accepting) as "accepting!";
