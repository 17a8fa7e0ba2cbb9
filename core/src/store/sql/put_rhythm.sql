-- When a person wants to be told: what is null stays as it is, and so do the quiet hours unless $3.
insert into eventcenter.recipients as r (user_id, time_zone, quiet_from, quiet_to, digest, digest_hour)
values (
    $1, coalesce($2, 'UTC'), $4::text::time, $5::text::time, coalesce($6, 'off'), coalesce($7::smallint, 9)
)
on conflict (user_id) do update
set
    time_zone = coalesce($2, r.time_zone),
    quiet_from = case when $3::boolean then excluded.quiet_from else r.quiet_from end,
    quiet_to = case when $3::boolean then excluded.quiet_to else r.quiet_to end,
    digest = coalesce($6, r.digest),
    digest_hour = coalesce($7::smallint, r.digest_hour),
    updated_at = now();
