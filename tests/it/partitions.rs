//! Days are made ahead and dropped when old, and never in an emit's way.

use eventcenter_core::delivery::{Channel, Outcome};
use eventcenter_core::event::PublicId;
use eventcenter_core::id::EventId;
use eventcenter_core::store::StoreError;
use serde_json::json;
use sqlx::types::Uuid;
use sqlx::{AssertSqlSafe, Connection, Executor};

use crate::support::database::Database;
use crate::support::deliveries::{a_claim, settlement};
use crate::support::events::json_with;
use crate::support::sql::insert;

const KEEP_DAYS: i32 = 180;

/// A day 200 days ago, with an event in it, as it would be after 200 days of running.
async fn an_old_event(db: &Database, name: &str) -> EventId {
    let partition = "do $$
        declare
            v_day date := (now() at time zone 'UTC')::date - 200;
            v_parent text;
        begin
            foreach v_parent in array '{events,attempts,engagements}'::text[] loop
                execute format(
                    'create table if not exists eventcenter.%I partition of eventcenter.%I for values from (%L) to (%L)',
                    v_parent || to_char(v_day, '_pYYYYMMDD'), v_parent,
                    eventcenter.day_floor(v_day), eventcenter.day_floor(v_day + 1)
                );
            end loop;
        end $$";
    db.pool().execute(partition).await.unwrap();
    let event = "insert into eventcenter.events (id, key, user_id, type, title, body, channels)
        values (
            eventcenter.uuid7(((now() at time zone 'UTC')::date - 200 + time '12:00') at time zone 'UTC'),
            $1, 42, 'job.done', 'Photo ready', '', '{push}'
        )
        returning id";
    let id: Uuid = sqlx::query_scalar(event).bind(name).fetch_one(db.pool()).await.unwrap();
    EventId::from_row(id)
}

async fn settle_all(db: &Database) {
    let claimed = db.claim_as(a_claim("w", Channel::Push, 100)).await;
    let sent: Vec<_> = claimed.iter().map(|one| settlement(one, Channel::Push, Outcome::Sent)).collect();
    db.store().settle(claimed[0].lease, "w", &sent).await.unwrap();
}

#[tokio::test]
async fn an_event_lies_in_its_days_partition_and_none_in_the_net() {
    let db = Database::fresh().await;
    db.plan(Channel::Ws, 10).await;

    let astray = "select count(*) from eventcenter.events
        where tableoid::regclass::text <> 'eventcenter.events_p' || to_char(created_at at time zone 'UTC', 'YYYYMMDD')";
    assert_eq!(db.count(astray).await, 0);
    let health = db.store().health().await.unwrap();
    assert_eq!((health.in_default, health.days_ahead), (0, 8));
}

#[tokio::test]
async fn days_are_made_ahead_once() {
    let db = Database::fresh().await;

    assert_eq!(db.store().create_partitions(10).await.unwrap(), 6, "three tables for two more days");
    assert_eq!(db.store().create_partitions(10).await.unwrap(), 0);

    assert_eq!(db.store().health().await.unwrap().days_ahead, 10);
}

/// After a week without a keeper. What fell into the net would otherwise keep every later day from being made.
#[tokio::test]
async fn what_fell_into_the_net_moves_into_its_day_once_that_is_made() {
    let db = Database::fresh().await;
    for table in ["events", "attempts", "engagements"] {
        let today = format!("select name from eventcenter.partitions where parent = '{table}' order by day limit 1");
        let today: String = sqlx::query_scalar(AssertSqlSafe(today)).fetch_one(db.pool()).await.unwrap();
        db.pool().execute(AssertSqlSafe(format!("drop table eventcenter.{today}"))).await.unwrap();
    }
    let id = db.plan(Channel::Push, 1).await[0];
    settle_all(&db).await;
    assert_eq!(db.store().health().await.unwrap().in_default, 1);

    assert_eq!(db.store().create_partitions(9).await.unwrap(), 6, "today and the day after the last, of three tables");

    assert_eq!(db.store().health().await.unwrap().in_default, 0);
    assert_eq!(db.outcomes(id, Channel::Push).await, ["1 sent"]);
    db.plan(Channel::Push, 1).await;
    settle_all(&db).await;
    db.assert_books_balance().await;
}

#[tokio::test]
async fn a_day_past_keeping_goes_with_its_keys_and_the_names_are_free_again() {
    let db = Database::fresh().await;
    an_old_event(&db, "photo-7").await;
    settle_all(&db).await;
    let partitions = "select count(*) from eventcenter.partitions";
    let before = db.count(partitions).await;

    assert!(db.store().drop_partition(KEEP_DAYS).await.unwrap().is_some());
    assert_eq!(db.store().drop_partition(KEEP_DAYS).await.unwrap(), None);
    assert_eq!(db.store().forget_keys(100).await.unwrap(), 1);

    assert_eq!(db.count(partitions).await, before - 3);
    assert!(db.store().find_event(&PublicId::parse("photo-7")).await.unwrap().is_none());
    db.pool().execute(AssertSqlSafe(insert(&json_with(42, &json!({"id": "photo-7"}))))).await.unwrap();
    db.assert_books_balance().await;
}

#[tokio::test]
async fn a_day_with_something_outstanding_is_kept_and_so_are_its_keys() {
    let db = Database::fresh().await;
    let id = an_old_event(&db, "photo-7").await;

    let waiting = db.store().drop_partition(KEEP_DAYS).await.unwrap_err();
    assert!(waiting.to_string().contains("still has outstanding deliveries"), "{waiting}");
    db.claim_as(a_claim("w", Channel::Push, 1)).await;
    let leased = db.store().drop_partition(KEEP_DAYS).await.unwrap_err();
    assert!(leased.to_string().contains("still has outstanding deliveries"), "{leased}");

    assert_eq!(db.store().forget_keys(100).await.unwrap(), 0);
    assert_eq!(db.store().find_event(&PublicId::parse("photo-7")).await.unwrap().map(|found| found.event.id), Some(id));
}

#[tokio::test]
async fn an_open_emit_is_neither_waited_for_nor_held_up() {
    let db = Database::fresh().await;
    an_old_event(&db, "photo-7").await;
    settle_all(&db).await;
    let mut service = db.connect_as_emitter().await;
    let mut open = service.begin().await.unwrap();
    open.execute(AssertSqlSafe(insert(&json_with(42, &json!({}))))).await.unwrap();

    let refused = db.store().drop_partition(KEEP_DAYS).await.unwrap_err();
    assert!(matches!(refused, StoreError::Locked(_)), "{refused}");
    assert_eq!(db.store().create_partitions(9).await.unwrap(), 3);
    // Nobody queues behind either of them.
    let mut other = db.connect_as_emitter().await;
    other.execute("set lock_timeout = '1 s'").await.unwrap();
    other.execute(AssertSqlSafe(insert(&json_with(43, &json!({}))))).await.unwrap();

    open.commit().await.unwrap();
    assert!(db.store().drop_partition(KEEP_DAYS).await.unwrap().is_some());
}
