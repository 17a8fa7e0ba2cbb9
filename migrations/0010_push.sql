-- Browsers that subscribe to Web Push.

-- Stores a browser for a person: `subscribed`; `full` when they have p_max others. A browser that two people share
-- moves to whoever subscribed with it last, and shows by its secret that it is the same one; who only knows its
-- endpoint hears `foreign`. One that takes the place of an old one keeps its id and its name, so that nothing is sent
-- twice and its owner recognises it.
--
-- p_user_id is null when the browser has no token at hand: its service worker renews it in the background. Then it
-- proves who it is by the old endpoint and its secret, which nobody else was ever told; or by its own, when the answer
-- to an earlier call was lost. Otherwise it hears `unproven`.
--
-- p_key_id is the VAPID key that the page says it subscribed with. Without it, a browser that is known keeps its own,
-- and a new one has p_current_key_id. Refused by its push service, it stays so until something about it is new.
create function eventcenter.subscribe(
    p_user_id bigint, p_endpoint text, p_p256dh bytea, p_auth bytea, p_key_id text, p_current_key_id text,
    p_device jsonb, p_old_endpoint text, p_old_auth bytea, p_max integer
) returns table (verdict text, id uuid, needs_resubscribe boolean)
language plpgsql as $$
#variable_conflict use_column
declare
    v_old eventcenter.push_subscriptions;
    v_user_id bigint;
begin
    v_user_id := coalesce(p_user_id, (
        select s.user_id from eventcenter.push_subscriptions as s
        where s.endpoint = p_old_endpoint and s.auth = p_old_auth
    ), (
        select s.user_id from eventcenter.push_subscriptions as s
        where s.endpoint = p_endpoint and s.auth = p_auth
    ));
    if v_user_id is null then
        verdict := 'unproven';
        return next;
        return;
    end if;

    -- One subscribes at a time per person: otherwise many at once would each see room for one more.
    perform pg_advisory_xact_lock(hashtextextended('eventcenter.push_subscriptions', v_user_id));
    -- Only now: while we waited, another renewal may have taken its place.
    select s.* into v_old from eventcenter.push_subscriptions as s
    where s.endpoint = p_old_endpoint and (s.user_id = p_user_id or s.auth = p_old_auth);
    if p_max <= (
        select count(*) from eventcenter.push_subscriptions as s
        where s.user_id = v_user_id and s.endpoint <> p_endpoint and s.id is distinct from v_old.id
    ) then
        verdict := 'full';
        return next;
        return;
    end if;

    -- Before anything is written: what is refused takes no old one away.
    if exists (
        select from eventcenter.push_subscriptions as s
        where s.endpoint = p_endpoint and s.user_id <> v_user_id and s.auth <> p_auth
    ) then
        verdict := 'foreign';
        return next;
        return;
    end if;

    delete from eventcenter.push_subscriptions as s
    where s.id = v_old.id and s.endpoint <> p_endpoint;
    if v_old.user_id <> v_user_id then
        v_old.name := null;
        v_old.device := null;
    end if;
    return query
    insert into eventcenter.push_subscriptions as s
        (id, user_id, endpoint, p256dh, auth, vapid_key_id, device, name)
    values (
        coalesce(v_old.id, eventcenter.uuid7()), v_user_id, p_endpoint, p_p256dh, p_auth,
        coalesce(p_key_id, p_current_key_id), coalesce(p_device, v_old.device), v_old.name
    )
    on conflict (endpoint) do update
    set
        user_id = excluded.user_id,
        p256dh = excluded.p256dh,
        auth = excluded.auth,
        vapid_key_id = coalesce(p_key_id, s.vapid_key_id),
        device = coalesce(p_device, case when s.user_id = excluded.user_id then s.device end),
        name = case when s.user_id = excluded.user_id then s.name end,
        needs_resubscribe = s.needs_resubscribe
            and (s.p256dh, s.auth, s.vapid_key_id)
            = (excluded.p256dh, excluded.auth, coalesce(p_key_id, s.vapid_key_id)),
        updated_at = clock_timestamp()
    where s.user_id = excluded.user_id or s.auth = excluded.auth
    returning 'subscribed', s.id, s.needs_resubscribe;
    if not found then
        verdict := 'foreign';
        return next;
    end if;
end $$;

revoke execute on all functions in schema eventcenter from public;
