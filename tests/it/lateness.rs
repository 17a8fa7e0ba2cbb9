//! What is too late to send is not sent, and says why.

use std::time::Duration;

use eventcenter_core::delivery::{Channel, Fault, Outcome};
use eventcenter_core::store::EndedFilter;
use eventcenter_workers::worker::WorkerSettings;
use serde_json::json;

use crate::support::database::Database;
use crate::support::deliver::{Scripted, Worker};
use crate::support::deliveries::{a_claim, settlement};
use crate::support::events::{an_event_with, id_of, in_seconds};

const PUSH: Channel = Channel::Push;

/// Polls so often that no notification is needed.
const POLLING: WorkerSettings = WorkerSettings { poll: Duration::from_millis(20), ..WorkerSettings::of(PUSH) };

#[tokio::test]
async fn what_expired_or_was_taken_back_meanwhile_is_not_sent() {
    let db = Database::fresh().await;
    let expired = an_event_with(42, &json!({"channels": ["push"], "expires_at": in_seconds(-1)}));
    let expired = id_of(&db.store().emit(&[&expired]).await.unwrap()[0]);
    let canceled = db.plan(PUSH, 1).await[0];
    let claimed = db.claim_as(a_claim("dies", PUSH, 10)).await;
    assert_eq!(claimed.len(), 2);
    db.store().cancel(canceled).await.unwrap();
    db.expire_leases().await;
    db.store().rescue().await.unwrap();
    let deliver = Scripted::sends_all(PUSH);
    let worker = Worker::start(&db, &deliver, POLLING);

    db.settles_as(&[expired], "skipped: expired").await;
    db.settles_as(&[canceled], "canceled").await;

    worker.stop();
    worker.stopped().await;
    assert!(deliver.tries().is_empty());
    db.assert_books_balance().await;
}

#[tokio::test]
async fn a_redrive_that_comes_after_the_event_expired_says_so() {
    let db = Database::fresh().await;
    let event = an_event_with(42, &json!({"channels": ["push"], "expires_at": in_seconds(3600)}));
    let id = id_of(&db.store().emit(&[&event]).await.unwrap()[0]);
    let claimed = db.claim_as(a_claim("w", PUSH, 1)).await;
    let failed = settlement(&claimed[0], PUSH, Outcome::Failed(Fault::Refused));
    db.store().settle(claimed[0].lease, "w", &[failed]).await.unwrap();
    sqlx::query("update eventcenter.events set expires_at = now()").execute(db.pool()).await.unwrap();
    let filter = EndedFilter { state: "failed", ..EndedFilter::default() };
    assert_eq!(db.store().redrive(&filter, 10).await.unwrap(), 1);
    let deliver = Scripted::sends_all(PUSH);
    let worker = Worker::start(&db, &deliver, POLLING);

    db.settles_as(&[id], "skipped: expired").await;

    worker.stop();
    worker.stopped().await;
    assert!(deliver.tries().is_empty());
}
