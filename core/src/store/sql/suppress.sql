-- Suppresses mail to an address or a person, or answers that this was done before.
insert into eventcenter.suppressions as s (address, user_id, scope, reason, detail)
values (lower($1), $2, $3, $4, $5)
on conflict on constraint a_suppression_is_stored_once do update
set detail = coalesce(excluded.detail, s.detail)
returning
    s.id,
    s.address,
    s.user_id,
    s.scope,
    s.reason,
    s.detail,
    s.created_at as "created_at: SqlTimestamp";
