//! A delivery whose worker died with it may have been the cause.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use eventcenter_core::delivery::{Channel, Outcome};
use eventcenter_workers::worker::WorkerSettings;
use sqlx::Executor;

use crate::support::database::Database;
use crate::support::deliver::{Scripted, Worker};
use crate::support::eventually::{SOON, eventually};

const PUSH: Channel = Channel::Push;

/// Whoever claims one that kills its worker must not lose its neighbours with it again.
#[tokio::test]
async fn suspects_are_tried_one_at_a_time_and_a_backlog_does_not_starve_them() {
    let db = Database::fresh().await;
    let suspects = db.plan(PUSH, 5).await;
    assert_eq!(db.claim("dies", 5).await.len(), 5);
    db.lose_workers().await;
    let (others, running, at_once) = <(Arc<AtomicUsize>, Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
    let (suspicious, seen, services) = (suspects.clone(), Arc::clone(&at_once), db.pool().clone());
    let deliver = Scripted::new(PUSH, move |message| {
        let (others, running, seen) = (Arc::clone(&others), Arc::clone(&running), Arc::clone(&seen));
        let is_suspect = suspicious.contains(&message.event.id);
        let services = services.clone();
        async move {
            if is_suspect {
                seen.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                let before = others.load(Ordering::SeqCst);
                eventually(SOON, || async { (others.load(Ordering::SeqCst) > before + 20).then_some(()) }).await;
                running.fetch_sub(1, Ordering::SeqCst);
            } else {
                others.fetch_add(1, Ordering::SeqCst);
                // The backlog never ends.
                let more = "insert into eventcenter.events (user_id, type, title, body, channels)
                    values (42, 'job.done', 'Photo ready', '', '{push}')";
                services.execute(more).await.unwrap();
            }
            Outcome::Sent
        }
    });
    db.plan(PUSH, 40).await;
    let worker = Worker::start(
        &db,
        &deliver,
        WorkerSettings { batch: 4, concurrency: 4, poll: Duration::from_millis(20), ..WorkerSettings::of(PUSH) },
    );

    for id in suspects {
        eventually(SOON, || async { (db.state(id, PUSH).await == "sent").then_some(()) }).await;
    }

    assert_eq!(at_once.load(Ordering::SeqCst), 1);
    worker.stop();
    worker.stopped().await;
}

/// After a crash there may be thousands: none of them waits for the next poll.
#[tokio::test]
async fn a_suspect_is_tried_as_soon_as_the_one_before_is_over() {
    let db = Database::fresh().await;
    let suspects = db.plan(PUSH, 30).await;
    assert_eq!(db.claim("dies", 30).await.len(), 30);
    db.lose_workers().await;
    let deliver = Scripted::new(PUSH, |_| async { Outcome::Sent });

    let worker =
        Worker::start(&db, &deliver, WorkerSettings { poll: Duration::from_hours(1), ..WorkerSettings::of(PUSH) });

    for id in suspects {
        eventually(SOON, || async { (db.state(id, PUSH).await == "sent").then_some(()) }).await;
    }
    worker.stop();
    worker.stopped().await;
}
