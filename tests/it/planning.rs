//! An event exists if and only if its deliveries were planned; and only a good event exists.

use eventcenter_core::delivery::Channel;
use eventcenter_core::event::{NewEvent, PublicId};
use eventcenter_core::id::EventId;
use serde_json::{Value, json};
use sqlx::types::Uuid;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::support::bad_input::bad_events;
use crate::support::database::Database;
use crate::support::events::{an_event_with, id_of, json_with};
use crate::support::sql::{insert, refusal};

const TRACES: &str = "select (select count(*) from eventcenter.events) + (select count(*) from eventcenter.deliveries)
    + (select count(*) from eventcenter.attempts) + (select count(*) from eventcenter.inbox)
    + (select count(*) from eventcenter.event_keys)";

async fn emit_by_sql(connection: &mut PgConnection, event: &Value) -> Result<String, sqlx::Error> {
    sqlx::query_scalar("select eventcenter.emit($1)").bind(event).fetch_one(connection).await
}

async fn insert_as_service(connection: &mut PgConnection, event: &Value) -> Result<EventId, sqlx::Error> {
    let statement = insert(event) + " returning id";
    let id: Uuid = sqlx::query_scalar(AssertSqlSafe(statement)).fetch_one(connection).await?;
    Ok(EventId::from_row(id))
}

async fn planned(db: &Database, id: EventId) -> Vec<String> {
    let deliveries = db.store().deliveries_of(id).await.unwrap();
    deliveries.iter().map(|one| format!("{} {}", one.channel, one.state)).collect()
}

#[tokio::test]
async fn a_rolled_back_event_was_never_said() {
    let db = Database::fresh().await;
    let mut service = db.connect_as_emitter().await;
    let event = json_with(42, &json!({"id": "photo-7", "channels": ["ws", "push", "email"]}));

    let mut transaction = service.begin().await.unwrap();
    emit_by_sql(&mut transaction, &event).await.unwrap();
    insert_as_service(&mut transaction, &json_with(42, &json!({}))).await.unwrap();
    transaction.rollback().await.unwrap();

    assert_eq!(db.count(TRACES).await, 0);
}

#[tokio::test]
async fn only_what_follows_a_rolled_back_savepoint_is_said() {
    let db = Database::fresh().await;
    let mut service = db.connect_as_emitter().await;

    let mut transaction = service.begin().await.unwrap();
    let mut savepoint = transaction.begin().await.unwrap();
    insert_as_service(&mut savepoint, &json_with(42, &json!({"id": "taken-back"}))).await.unwrap();
    savepoint.rollback().await.unwrap();
    let id = insert_as_service(&mut transaction, &json_with(42, &json!({}))).await.unwrap();
    transaction.commit().await.unwrap();

    assert_eq!(planned(&db, id).await, ["ws queued", "push queued"]);
    assert_eq!(db.store().find_event(&PublicId::parse("taken-back")).await.unwrap().map(|found| found.event.id), None);
    assert_eq!(db.count("select count(*) from eventcenter.deliveries").await, 2);
}

#[tokio::test]
async fn a_committed_event_is_planned_on_every_channel_by_every_door() {
    let db = Database::fresh().await;
    let mut service = db.connect_as_emitter().await;
    let all = json!({"channels": ["email", "ws", "push"]});

    let inserted = insert_as_service(&mut service, &json_with(42, &all)).await.unwrap();
    let emitted = EventId::parse(&emit_by_sql(&mut service, &json_with(42, &all)).await.unwrap()).unwrap();
    let posted = id_of(&db.store().emit(&[&an_event_with(42, &all)]).await.unwrap()[0]);

    assert_eq!(planned(&db, inserted).await, ["email queued", "ws queued", "push queued"]);
    assert_eq!(planned(&db, emitted).await, ["email queued", "ws queued", "push queued"]);
    assert_eq!(planned(&db, posted).await, ["email queued", "ws sent", "push queued"]);
    db.assert_books_balance().await;
}

#[tokio::test]
async fn one_insert_of_many_rows_plans_each_of_them() {
    let db = Database::fresh().await;
    let mut service = db.connect_as_emitter().await;

    let statement = "insert into eventcenter.events (key, user_id, type, title, body)
        select 'photo-' || n, n, 'job.done', 'Photo ready', '' from generate_series(1, 1000) as n";
    service.execute(statement).await.unwrap();

    assert_eq!(db.count("select count(*) from eventcenter.deliveries").await, 2000);
    assert_eq!(db.count("select count(*) from eventcenter.event_keys").await, 1000);
    db.assert_books_balance().await;
}

#[tokio::test]
async fn channels_come_from_the_producer_else_the_hint_else_the_type_else_ws() {
    let db = Database::fresh().await;
    let cases = [
        (json!({"type": "job.done", "channels": ["email"]}), vec!["email"]),
        (json!({"type": "job.done", "channels": ["ws"], "channel_hint": "websocket_only"}), vec!["ws"]),
        (json!({"type": "task.created", "channel_hint": "push_only"}), vec!["push"]),
        (json!({"type": "job.done", "channel_hint": "websocket_only"}), vec!["ws"]),
        (json!({"type": "action.required", "channel_hint": "auto"}), vec!["ws", "push"]),
        (json!({"type": "job.done"}), vec!["ws", "push"]),
        (json!({"type": "job.progress"}), vec!["ws"]),
        (json!({"type": "action.required"}), vec!["ws", "push"]),
        (json!({"type": "message.new"}), vec!["ws", "push"]),
        (json!({"type": "reminder.due"}), vec!["push", "ws"]),
        (json!({"type": "system.alert"}), vec!["ws", "push"]),
        (json!({"type": "task.created"}), vec!["ws"]),
        (json!({"type": "nobody.listed.it"}), vec!["ws"]),
    ];
    for (fields, wanted) in cases {
        let emitted = db.store().emit(&[&an_event_with(42, &fields)]).await.unwrap();
        let event = db.store().find_event(&emitted[0].id).await.unwrap().unwrap();
        let channels: Vec<&str> = event.channels.iter().map(|channel| channel.as_str()).collect();
        assert_eq!(channels, wanted, "{fields}");
    }
}

#[tokio::test]
async fn an_operator_may_change_where_a_type_goes() {
    let db = Database::fresh().await;
    let edit = "update eventcenter.event_types set channels = '{email}' where type = 'job.done'";
    db.pool().execute(edit).await.unwrap();

    let id = id_of(&db.store().emit(&[&an_event_with(42, &json!({}))]).await.unwrap()[0]);

    assert_eq!(planned(&db, id).await, ["email queued"]);
}

#[tokio::test]
async fn noise_is_settled_as_skipped_where_it_is_noise_and_planned_elsewhere() {
    let db = Database::fresh().await;
    let fields = json!({"type": "job.progress", "channels": ["ws", "push", "email"]});

    let id = id_of(&db.store().emit(&[&an_event_with(42, &fields)]).await.unwrap()[0]);

    assert_eq!(db.state(id, Channel::Ws).await, "sent");
    assert_eq!(db.state(id, Channel::Push).await, "skipped: noise");
    assert_eq!(db.state(id, Channel::Email).await, "skipped: noise");
    assert_eq!(db.count("select count(*) from eventcenter.deliveries").await, 0);
    db.assert_books_balance().await;
}

#[tokio::test]
async fn a_bad_event_is_refused_at_every_door_by_name_and_leaves_nothing() {
    let db = Database::fresh().await;
    let mut service = db.connect_as_emitter().await;
    for bad in bad_events() {
        let faults = NewEvent::from_json(&bad.event).err().unwrap_or_else(|| panic!("taken: {bad:?}")).0;
        assert_eq!(faults.iter().map(|fault| fault.field.as_str()).collect::<Vec<_>>(), [bad.field], "{faults:?}");

        let error = emit_by_sql(&mut service, &bad.event).await.unwrap_err();
        let (code, name) = refusal(&error);
        assert_eq!((code.as_str(), name.as_str()), bad.by_emit, "{error}: {}", bad.field);

        if let Some(by_insert) = bad.by_insert {
            let error = insert_as_service(&mut service, &bad.event).await.unwrap_err();
            let (code, name) = refusal(&error);
            assert_eq!((code.as_str(), name.as_str()), by_insert, "{error}: {}", bad.field);
        }
    }
    assert_eq!(db.count(TRACES).await, 0);
}

#[tokio::test]
async fn a_schedule_of_more_than_90_days_is_refused_by_the_databases_clock() {
    let db = Database::fresh().await;
    let mut service = db.connect_as_emitter().await;
    let statement = "insert into eventcenter.events (user_id, type, title, body, deliver_at)
        values (42, 'job.done', 'Late', '', now() + interval '90 days 1 second')";

    let error = service.execute(statement).await.unwrap_err();

    assert_eq!(refusal(&error).1, "deliver_at_is_at_most_90_days_ahead");
}

/// Each is a value that Postgres stores and a worker cannot read: once claimed, it would fail its whole batch for ever.
#[tokio::test]
async fn what_no_worker_could_read_is_refused() {
    let db = Database::fresh().await;
    let mut service = db.connect_as_emitter().await;
    for (column, value, constraint) in [
        ("deliver_at", "-infinity", "deliver_at_is_a_finite_time"),
        ("expires_at", "infinity", "expires_at_is_before_the_end_of_9999"),
        ("expires_at", "-infinity", "expires_at_is_before_the_end_of_9999"),
        ("expires_at", "20000-01-01", "expires_at_is_before_the_end_of_9999"),
        ("channels", "{{ws,push}}", "channels_are_ws_push_or_email"),
        ("channels", "[0:1]={ws,push}", "channels_are_ws_push_or_email"),
    ] {
        let error = insert_as_service(&mut service, &json_with(42, &json!({column: value}))).await.unwrap_err();
        assert_eq!(refusal(&error), ("23514".to_owned(), constraint.to_owned()), "{column} = {value}");
    }
}
