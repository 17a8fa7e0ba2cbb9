//! A service that emits by SQL may do that and nothing else.

use sqlx::{AssertSqlSafe, Executor, Row};

use crate::support::database::Database;
use crate::support::sql::refusal;

const INSERT: &str = r#"insert into eventcenter.events (user_id, type, title, body, cta)
    values (42, 'job.done', 'Photo ready', '', '{"label": "Open", "url": "/photos/7"}') returning id"#;
const EMIT: &str = r#"select eventcenter.emit('{"id": "photo-7", "user_id": 42, "type": "job.progress",
    "title": "Half way", "body": "", "channels": ["ws", "push"], "data": {"percent": 50}}')"#;

#[tokio::test]
async fn an_emitter_may_insert_and_emit() {
    let db = Database::fresh().await;
    let mut service = db.connect_as_emitter().await;

    service.fetch_one(INSERT).await.unwrap();
    let name: String = service.fetch_one(EMIT).await.unwrap().get(0);

    assert_eq!(name, "photo-7");
}

#[tokio::test]
async fn an_emitter_may_do_nothing_else() {
    let db = Database::fresh().await;
    db.pool().execute(EMIT).await.unwrap();
    let mut service = db.connect_as_emitter().await;
    for statement in [
        "insert into eventcenter.events (id, user_id, type, title, body)
            values (gen_random_uuid(), 42, 'job.done', 'Photo ready', '')",
        "insert into eventcenter.events (created_at, user_id, type, title, body)
            values ('2020-01-01', 42, 'job.done', 'Photo ready', '')",
        "insert into eventcenter.events_default (user_id, type, title, body) values (42, 'job.done', 'Ready', '')",
        "insert into eventcenter.deliveries (event_id, channel, user_id, due_at, since)
            values (gen_random_uuid(), 'ws', 42, now(), now())",
        "select title from eventcenter.events",
        "select key from eventcenter.event_keys",
        "select * from eventcenter.inbox",
        "select * from eventcenter.recipients",
        "select * from eventcenter.push_subscriptions",
        "select * from eventcenter.service_keys",
        "select * from eventcenter.delivery_status",
        "select * from eventcenter.actions",
        "insert into eventcenter.actions (action_id, user_id, event_id) values ('a', 42, gen_random_uuid())",
        "insert into eventcenter.answers (action_id, user_id, event_id, text) values ('a', 42, gen_random_uuid(), '')",
        "select * from eventcenter.loopback_rates",
        "insert into eventcenter.events (user_id, type, title, body, inline) values (42, 'job.done', 'Mine', '', true)",
        "update eventcenter.events set title = 'Mine'",
        "delete from eventcenter.events",
        "truncate eventcenter.events",
        "update eventcenter.event_types set channels = '{email}'",
        "select eventcenter.claim('push', false, 'me', 10, '1 minute')",
        "select eventcenter.release(1, 'me', '{}')",
        "select eventcenter.rescue(100, 3)",
        "select eventcenter.append_due(100, '-infinity')",
        "select eventcenter.append('{}', '{}', '{}', '{}')",
        "select eventcenter.cancel(gen_random_uuid())",
        "select eventcenter.redrive('dead', null, null, null, null, 10)",
        "select eventcenter.audit()",
        "select eventcenter.announce('{42}')",
        "select eventcenter.mark(42, 'read', '{1}', null)",
        "select eventcenter.mark_entries(42, 'read', '{}', '{a}', null)",
        "select eventcenter.inbox_page(42, 'all', 1, 0, 10)",
        "select eventcenter.answer(42, 'a', gen_random_uuid(), 'yes', null)",
        "select eventcenter.drop_partition(0)",
        "create table eventcenter.mine ()",
    ] {
        let error = service.execute(statement).await.err().unwrap_or_else(|| panic!("allowed: {statement}"));
        assert_eq!(refusal(&error).0, "42501", "{statement}: {error}");
    }
    let emits = "select string_agg(p.proname, ' ' order by p.proname) from pg_proc as p
        where p.pronamespace = 'eventcenter'::regnamespace and has_function_privilege('eventcenter_emitter', p.oid, 'execute')";
    let callable: String = sqlx::query_scalar(emits).fetch_one(db.pool()).await.unwrap();
    assert_eq!(callable, "emit is_channel_set is_cta is_data is_name keeps_to_hint uuid7");
}

/// The functions that run with our rights look nothing up where a caller could have put something else.
#[tokio::test]
async fn a_callers_search_path_leads_our_functions_nowhere() {
    let db = Database::fresh().await;
    let hijack = "language plpgsql as $$ begin raise exception 'hijacked as %', current_user; end $$";
    let traps = format!(
        "create schema trap;
        grant usage on schema trap to eventcenter_emitter;
        create function trap.jsonb_typeof(jsonb) returns text {hijack};
        create function trap.pg_advisory_xact_lock(bigint) returns void {hijack};
        create function trap.unnest(text[]) returns setof text {hijack};
        create function trap.equal(text, text) returns boolean {hijack};
        create operator trap.= (leftarg = text, rightarg = text, function = trap.equal);
        create table trap.event_types as select * from eventcenter.event_types limit 0;"
    );
    db.pool().execute(AssertSqlSafe(traps)).await.unwrap();
    let mut service = db.connect_as_emitter().await;
    service
        .execute(
            "set search_path = pg_temp, trap, pg_catalog;
            create temporary table new_events (id uuid, key text);
            create temporary table event_keys (key text, event_id uuid);",
        )
        .await
        .unwrap();
    let trap = service.execute("select jsonb_typeof('{}'::jsonb)").await.unwrap_err();
    assert!(trap.to_string().contains("hijacked as eventcenter_emitter"), "{trap}");

    service.execute(EMIT).await.unwrap();
    service.execute(EMIT).await.unwrap();
    service.execute(INSERT).await.unwrap();

    assert_eq!(db.count("select count(*) from eventcenter.events").await, 2);
    assert_eq!(db.count("select count(*) from eventcenter.deliveries").await, 3);
    db.assert_books_balance().await;
}
