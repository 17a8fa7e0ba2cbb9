//! One name, one event: whoever says it, how often, and by whatever door.

use std::time::{Duration, Instant};

use eventcenter::committer::{Committer, EmitError};
use eventcenter_core::event::PublicId;
use eventcenter_core::store::{Emitted, Verdict};
use eventcenter_core::tasks::Tasks;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Executor};

use crate::support::database::Database;
use crate::support::events::{an_event, an_event_with, json_with};
use crate::support::sql::{insert, refusal};

/// Chances for the doors to collide in another order.
const ROUNDS: usize = 40;

fn verdicts(answers: &[&Result<Emitted, EmitError>]) -> Vec<Verdict> {
    answers.iter().map(|answer| answer.as_ref().unwrap().verdict).collect()
}

fn named(name: &str) -> Value {
    json_with(42, &json!({"id": name}))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_http_batches_and_a_direct_insert_at_once_make_one_event() {
    let db = Database::fresh().await;
    let tasks = Tasks::default();
    let (one, two) = (Committer::start(db.store().clone(), &tasks), Committer::start(db.store().clone(), &tasks));
    let mut stored_by_insert = 0;
    for round in 0..ROUNDS {
        let name = format!("round-{round}");
        let event = || an_event_with(42, &json!({"id": name}));
        let service = async { db.pool().execute(AssertSqlSafe(insert(&named(&name)))).await };

        let (first, second, inserted) = tokio::join!(one.emit(event()), two.emit(event()), service);

        let new = verdicts(&[&first, &second]).iter().filter(|verdict| **verdict == Verdict::New).count();
        let duplicates = verdicts(&[&first, &second]).iter().filter(|verdict| **verdict == Verdict::Duplicate).count();
        let by_insert = match inserted {
            Ok(_) => 1,
            Err(error) => {
                assert_eq!(refusal(&error), ("23505".to_owned(), "an_event_key_is_used_once".to_owned()));
                0
            }
        };
        assert_eq!((new + by_insert, new + duplicates), (1, 2), "{first:?} {second:?} {by_insert}");
        stored_by_insert += by_insert;
    }
    let rounds = i64::try_from(ROUNDS).unwrap();
    assert_eq!(db.count("select count(*) from eventcenter.events").await, rounds);
    assert_eq!(db.count("select count(distinct key) from eventcenter.event_keys").await, rounds);
    assert!(stored_by_insert < ROUNDS, "nothing ever collided");
    db.assert_books_balance().await;
    drop((one, two));
    assert!(tasks.drain(Duration::from_secs(5)).await);
}

#[tokio::test]
async fn the_same_name_with_another_body_is_a_conflict_at_every_door() {
    let db = Database::fresh().await;
    db.store().emit(&[&an_event_with(42, &json!({"id": "photo-7"}))]).await.unwrap();
    let other = json!({"id": "photo-7", "body": "It is blurred."});

    let emitted = db.store().emit(&[&an_event_with(42, &other)]).await.unwrap();
    let by_emit = sqlx::query("select eventcenter.emit($1)").bind(json_with(42, &other)).execute(db.pool()).await;
    let by_insert = db.pool().execute(AssertSqlSafe(insert(&named("photo-7")))).await;

    assert_eq!(emitted, [Emitted { id: PublicId::Key("photo-7".to_owned()), verdict: Verdict::Conflict }]);
    for refused in [by_emit, by_insert] {
        assert_eq!(refusal(&refused.unwrap_err()), ("23505".to_owned(), "an_event_key_is_used_once".to_owned()));
    }
    assert_eq!(db.count("select count(*) from eventcenter.events").await, 1);
}

#[tokio::test]
async fn the_same_name_with_the_same_body_answers_the_event_that_has_it() {
    let db = Database::fresh().await;
    // Written in another order and another offset, it still says the same.
    let first = json!({"id": "photo-7", "data": {"a": 1, "b": 2}, "expires_at": "2030-01-01T03:00:00+03:00"});
    let again =
        json!({"id": "photo-7", "data": {"b": 2, "a": 1}, "expires_at": "2030-01-01T00:00:00Z", "level": "info"});
    let (first, again) = (json_with(42, &first), json_with(42, &again));
    for event in [first, again] {
        let emit = sqlx::query_scalar("select eventcenter.emit($1)").bind(event);
        let name: String = emit.fetch_one(db.pool()).await.unwrap();
        assert_eq!(name, "photo-7");
    }
    assert_eq!(db.count("select count(*) from eventcenter.events").await, 1);
}

#[tokio::test]
async fn a_name_that_comes_twice_in_one_batch_is_one_event() {
    let db = Database::fresh().await;
    let (first, again) = (an_event_with(42, &json!({"id": "a"})), an_event_with(42, &json!({"id": "a"})));
    let other = an_event_with(42, &json!({"id": "a", "title": "Something else"}));

    let emitted = db.store().emit(&[&first, &an_event(43), &again, &other]).await.unwrap();

    let verdicts: Vec<Verdict> = emitted.iter().map(|one| one.verdict).collect();
    assert_eq!(verdicts, [Verdict::New, Verdict::New, Verdict::Duplicate, Verdict::Conflict]);
}

#[tokio::test]
async fn a_service_that_sits_on_a_key_stalls_nobody_else() {
    let db = Database::fresh().await;
    let tasks = Tasks::default();
    let committer = Committer::start(db.store().clone(), &tasks);
    let mut service = db.connect_as_emitter().await;
    let mut open = service.begin().await.unwrap();
    open.execute(AssertSqlSafe(insert(&named("photo-7")))).await.unwrap();

    let began = Instant::now();
    let (busy, neighbour) = tokio::join!(
        async { (committer.emit(an_event_with(42, &json!({"id": "photo-7"}))).await, began.elapsed()) },
        async { (committer.emit(an_event(42)).await, began.elapsed()) },
    );

    assert_eq!(verdicts(&[&busy.0, &neighbour.0]), [Verdict::Busy, Verdict::New]);
    assert!(neighbour.1 < busy.1, "the neighbour waited for the key");
    assert!(busy.1 < Duration::from_secs(2), "{:?}", busy.1);

    open.commit().await.unwrap();
    let after = committer.emit(an_event_with(42, &json!({"id": "photo-7"}))).await;
    assert_eq!(verdicts(&[&after]), [Verdict::Duplicate]);
    drop(committer);
    assert!(tasks.drain(Duration::from_secs(5)).await);
}

#[tokio::test]
async fn a_key_whose_transaction_rolled_back_is_free() {
    let db = Database::fresh().await;
    let mut service = db.connect_as_emitter().await;
    let mut open = service.begin().await.unwrap();
    open.execute(AssertSqlSafe(insert(&named("photo-7")))).await.unwrap();
    open.rollback().await.unwrap();

    let emitted = db.store().emit(&[&an_event_with(42, &json!({"id": "photo-7", "title": "Other"}))]).await.unwrap();

    assert_eq!(emitted[0].verdict, Verdict::New);
}

/// The neighbours are stored all the same, each with an answer of its own.
#[tokio::test]
async fn one_event_that_the_database_refuses_fails_alone() {
    let db = Database::fresh().await;
    let tasks = Tasks::default();
    let committer = Committer::start(db.store().clone(), &tasks);
    // Only the database's clock can tell that this one is too far ahead.
    let late = || an_event_with(42, &json!({"deliver_at": "2126-01-01T00:00:00Z"}));
    let emits = (0..20).map(|n| committer.emit(if n == 7 { late() } else { an_event(42) }));

    let answers = futures_util::future::join_all(emits).await;

    for (n, answer) in answers.iter().enumerate() {
        match answer {
            Ok(emitted) => assert!(n != 7 && emitted.verdict == Verdict::New, "{n}: {emitted:?}"),
            Err(error) => {
                let constraint = "deliver_at_is_at_most_90_days_ahead".to_owned();
                assert_eq!((n, error), (7, &EmitError::Refused { constraint }));
            }
        }
    }
    assert_eq!(db.count("select count(*) from eventcenter.events").await, 19);
    drop(committer);
    assert!(tasks.drain(Duration::from_secs(5)).await);
}
