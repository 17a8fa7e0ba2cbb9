//! A worker sends what is planned, through whatever happens to it or to its database.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use eventcenter_core::delivery::{Channel, Fault, Outcome};
use eventcenter_core::id::EventId;
use eventcenter_core::tasks::Tasks;
use eventcenter_workers::keeper::{self, KeeperSettings};
use eventcenter_workers::worker::WorkerSettings;
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::sync::Semaphore;

use crate::support::database::Database;
use crate::support::deliver::{Scripted, Worker};
use crate::support::eventually::{SOON, eventually};

const PUSH: Channel = Channel::Push;

/// Polls so often that no notification is needed.
const POLLING: WorkerSettings = WorkerSettings { poll: Duration::from_millis(20), ..WorkerSettings::of(PUSH) };
/// Never polls: what it finds after its start, it was told of.
const LISTENING: WorkerSettings = WorkerSettings { poll: Duration::from_hours(1), ..WorkerSettings::of(PUSH) };

#[tokio::test]
async fn a_worker_sends_what_is_planned_and_writes_it_down() {
    let db = Database::fresh().await;
    let planned = db.plan(PUSH, 300).await;
    let deliver = Scripted::sends_all(PUSH);
    let worker = Worker::start(&db, &deliver, POLLING);

    db.settles_as(&planned, "sent").await;

    worker.stop();
    worker.stopped().await;
    assert_eq!(deliver.tries().len(), 300, "each once");
    db.assert_books_balance().await;
}

#[tokio::test]
async fn a_notification_wakes_a_worker_at_once() {
    let db = Database::fresh().await;
    let deliver = Scripted::sends_all(PUSH);
    let before = db.plan(PUSH, 1).await;
    let worker = Worker::start(&db, &deliver, LISTENING);
    db.settles_as(&before, "sent").await;

    for _ in 0..5 {
        let planned = db.plan(PUSH, 1).await;
        db.settles_as(&planned, "sent").await;
    }

    worker.stop();
    worker.stopped().await;
}

#[tokio::test]
async fn a_worker_that_is_told_nothing_finds_its_work_by_polling() {
    let db = Database::fresh().await;
    let deliver = Scripted::sends_all(PUSH);
    let worker = Worker::start(&db, &deliver, POLLING);
    // A direct insert, and no keeper to notice it.
    let statement = "insert into eventcenter.events (user_id, type, title, body, channels)
        values (42, 'job.done', 'Photo ready', '', '{push}') returning id";
    let id = EventId::from_row(sqlx::query_scalar(statement).fetch_one(db.pool()).await.unwrap());

    db.settles_as(&[id], "sent").await;

    worker.stop();
    worker.stopped().await;
}

/// With one a batch, every claim begins behind the one before.
#[tokio::test]
async fn what_a_backlogs_claims_pass_over_is_sent_after_all() {
    let db = Database::fresh().await;
    let planned = db.plan(PUSH, 5).await;
    let mut holder = db.pool().begin().await.unwrap();
    let lock = "select 1 from eventcenter.deliveries where event_id = $1 for update";
    sqlx::query(lock).bind(planned[0].uuid()).execute(&mut *holder).await.unwrap();
    let deliver = Scripted::sends_all(PUSH);
    let worker = Worker::start(&db, &deliver, WorkerSettings { batch: 1, ..POLLING });
    db.settles_as(&planned[1..], "sent").await;
    assert_eq!(db.state(planned[0], PUSH).await, "queued");

    holder.rollback().await.unwrap();

    db.settles_as(&planned[..1], "sent").await;
    worker.stop();
    worker.stopped().await;
}

#[tokio::test]
async fn a_channel_that_crashes_costs_a_try_and_not_the_worker() {
    let db = Database::fresh().await;
    let deliver = Scripted::new(PUSH, |message| async move {
        assert!(message.attempt > 1, "the first try crashes, as the test wants it");
        Outcome::Sent
    });
    let worker = Worker::start(&db, &deliver, POLLING);
    let planned = db.plan(PUSH, 1).await;

    db.settles_as(&planned, "retrying: crashed").await;
    db.make_all_due().await;
    db.settles_as(&planned, "sent").await;

    worker.stop();
    worker.stopped().await;
    assert_eq!(db.outcomes(planned[0], PUSH).await, ["1 retry", "2 sent"]);
}

#[tokio::test]
async fn killed_connections_never_end_a_worker() {
    let db = Database::fresh().await;
    let deliver = Scripted::sends_all(PUSH);
    let worker = Worker::start(&db, &deliver, POLLING);
    let kill = "select count(pg_terminate_backend(pid)) from pg_stat_activity
        where datname = current_database() and application_name = 'eventcenter'";
    for _ in 0..5 {
        let statement = "insert into eventcenter.events (user_id, type, title, body, channels)
            select n, 'job.done', 'Photo ready', '', '{push}' from generate_series(1, 100) as n";
        sqlx::query(statement).execute(db.pool()).await.unwrap();
        let tries = deliver.tries().len();
        eventually(SOON, || async { (deliver.tries().len() > tries).then_some(()) }).await;
        assert!(db.count(kill).await > 0);
    }

    eventually(SOON, || async {
        let settled = "select count(*) from eventcenter.attempts where outcome = 'sent'";
        (db.count(settled).await == 500).then_some(())
    })
    .await;

    worker.stop();
    worker.stopped().await;
    db.assert_books_balance().await;
}

#[tokio::test]
async fn a_graceful_stop_finishes_what_is_in_flight_and_gives_the_rest_back_untried() {
    let db = Database::fresh().await;
    let provider = Arc::new(Semaphore::new(0));
    let answers = Arc::clone(&provider);
    let deliver = Scripted::new(PUSH, move |_| {
        let answers = Arc::clone(&answers);
        async move {
            answers.acquire().await.unwrap().forget();
            Outcome::Sent
        }
    });
    db.plan(PUSH, 20).await;
    let worker = Worker::start(&db, &deliver, WorkerSettings { batch: 20, concurrency: 2, ..POLLING });
    eventually(SOON, || async { (deliver.tries().len() == 2).then_some(()) }).await;

    worker.stop();
    // The provider answers only now, and answers anyone who should still ask.
    provider.add_permits(20);
    worker.stopped().await;

    let in_flight: Vec<EventId> = deliver.tries().into_iter().map(|(id, _)| id).collect();
    db.settles_as(&in_flight, "sent").await;
    assert!(in_flight.len() < 20, "nothing was given back");
    assert_eq!(db.count("select count(*) from eventcenter.leases").await, 0);
    let untried = "select count(*) from eventcenter.deliveries where attempt = 0 and not quarantined";
    assert_eq!(usize::try_from(db.count(untried).await).unwrap(), 20 - in_flight.len());
    db.assert_books_balance().await;
}

/// At least once: nobody knows whether the first send arrived, so there is a second, of the same event.
#[tokio::test]
async fn a_worker_that_dies_between_send_and_settle_is_rescued_and_counted() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let counted = recorder.handle();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let db = Database::fresh().await;
    let planned = db.plan(PUSH, 1).await;
    let dies = Scripted::new(PUSH, |_| std::future::pending());
    let process = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let worker = {
        let _inside = process.enter();
        Worker::start(&db, &dies, POLLING)
    };
    eventually(SOON, || async { (!dies.tries().is_empty()).then_some(()) }).await;
    drop(worker);
    process.shutdown_background();

    let tasks = Tasks::default();
    let settings =
        KeeperSettings { url: db.url().to_owned(), look: Duration::from_millis(25), event_days: 180, inbox_days: 90 };
    tasks.spawn(keeper::run(db.store().clone(), settings, tasks.clone()));
    let lives = Scripted::sends_all(PUSH);
    let worker = Worker::start(&db, &lives, POLLING);
    db.expire_leases().await;

    db.settles_as(&planned, "sent").await;
    assert_eq!((dies.tries(), lives.tries()), (vec![(planned[0], 1)], vec![(planned[0], 2)]));
    assert_eq!(db.outcomes(planned[0], PUSH).await, ["1 lost", "2 sent"]);
    let metrics = counted.render();
    assert!(metrics.contains(r#"eventcenter_leases_expired_total{channel="push"} 1"#), "{metrics}");
    worker.stop();
    worker.stopped().await;
    assert!(tasks.drain(SOON).await);
    db.assert_books_balance().await;
}

/// Encrypting a push takes a core's time, so two of them must not wait for each other.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sends_under_way_at_once_run_on_several_threads() {
    let db = Database::fresh().await;
    let planned = db.plan(PUSH, 2).await;
    let computing = Arc::new(AtomicUsize::new(0));
    let at_once = Arc::clone(&computing);
    let deliver = Scripted::new(PUSH, move |_| {
        let at_once = Arc::clone(&at_once);
        async move {
            at_once.fetch_add(1, Ordering::SeqCst);
            // Keeps its thread busy until the other one runs beside it.
            let began = std::time::Instant::now();
            while at_once.load(Ordering::SeqCst) < 2 {
                if began.elapsed() > SOON / 4 {
                    return Outcome::Failed(Fault::Timeout);
                }
                std::hint::spin_loop();
            }
            Outcome::Sent
        }
    });
    let worker = Worker::start(&db, &deliver, POLLING);

    db.settles_as(&planned, "sent").await;

    worker.stop();
    worker.stopped().await;
}
