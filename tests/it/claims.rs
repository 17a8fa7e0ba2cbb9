//! A delivery is in exactly one place: waiting, leased or settled.

use std::collections::HashSet;
use std::time::Duration;

use eventcenter_core::delivery::{Channel, Fault, Message, Outcome, Settlement};
use eventcenter_core::id::EventId;
use eventcenter_core::store::{Claim, Floor, SettleCount};
use futures_util::future::{join, join_all};
use serde_json::json;

use crate::support::database::Database;
use crate::support::deliveries::{a_claim, settlement};
use crate::support::events::{an_event_with, in_seconds};

const PUSH: Channel = Channel::Push;
const RETRY: Outcome = Outcome::Retry { fault: Fault::Unreachable, after: None };
const SETTLED_ONE: SettleCount = SettleCount { settled: 1, repeated: 0, stale: 0 };
const STALE_ONE: SettleCount = SettleCount { settled: 0, repeated: 0, stale: 1 };
const LEASES: &str = "select count(*) from eventcenter.leases";

fn ids(messages: &[Message]) -> Vec<EventId> {
    messages.iter().map(|message| message.event.id).collect()
}

#[tokio::test]
async fn a_claim_leases_the_oldest_due_deliveries_as_one_batch() {
    let db = Database::fresh().await;
    let later = an_event_with(9, &json!({"channels": ["push"], "deliver_at": in_seconds(3600)}));
    db.store().emit(&[&later]).await.unwrap();
    let planned = db.plan(PUSH, 5).await;

    let first = db.claim("one", 3).await;
    let rest = db.claim("two", 500).await;

    assert_eq!((ids(&first), ids(&rest)), (planned[..3].to_vec(), planned[3..].to_vec()));
    assert!(first.iter().all(|message| message.lease == first[0].lease && message.attempt == 1));
    assert_ne!(first[0].lease, rest[0].lease);
    assert_eq!(db.state(planned[0], PUSH).await, "sending");
    db.assert_books_balance().await;
}

#[tokio::test]
async fn a_claim_behind_another_leaves_what_was_committed_late_to_a_sweep() {
    let db = Database::fresh().await;
    let planned = db.plan(PUSH, 5).await;
    let all = a_claim("w", PUSH, 500);
    let first = db.store().claim(a_claim("w", PUSH, 2)).await.unwrap().unwrap();
    assert_eq!(first.ids(), planned[..2]);
    sqlx::query("update eventcenter.deliveries set due_at = due_at - interval '1 ms' where event_id = $1")
        .bind(planned[4].uuid())
        .execute(db.pool())
        .await
        .unwrap();

    let behind = db.claim_as(Claim { floor: Floor::After(first.end().unwrap()), ..all }).await;
    let swept = db.claim_as(all).await;

    assert_eq!((ids(&behind), ids(&swept)), (planned[2..4].to_vec(), planned[4..].to_vec()));
}

#[tokio::test]
async fn what_one_claimer_is_taking_the_next_one_skips() {
    let db = Database::fresh().await;
    let planned = db.plan(PUSH, 5).await;
    let mut open = db.pool().begin().await.unwrap();
    let statement = "select eventcenter.claim('push', false, 'one', 2, '1 minute')";
    sqlx::query(statement).fetch_all(&mut *open).await.unwrap();

    assert_eq!(ids(&db.claim("two", 500).await), planned[2..]);

    open.rollback().await.unwrap();
    assert_eq!(ids(&db.claim("two", 500).await), planned[..2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claimers_that_race_never_get_the_same_delivery() {
    let db = Database::fresh().await;
    let planned = db.plan(PUSH, 1000).await;
    let claim_all = async |worker: &str| {
        let mut mine = Vec::new();
        loop {
            let batch = db.claim(worker, 7).await;
            if batch.is_empty() {
                return mine;
            }
            mine.extend(ids(&batch));
        }
    };

    let claimed: Vec<EventId> = join_all(["a", "b", "c", "d"].map(claim_all)).await.concat();

    assert_eq!(claimed.len(), planned.len());
    assert_eq!(claimed.into_iter().collect::<HashSet<_>>(), planned.into_iter().collect());
}

#[tokio::test]
async fn a_batch_is_settled_in_pieces_and_its_lease_keeps_the_rest() {
    let db = Database::fresh().await;
    let planned = db.plan(PUSH, 3).await;
    let batch = db.claim("w", 3).await;

    assert_eq!(db.settle("w", &batch[1], Outcome::Sent).await, SETTLED_ONE);
    assert_eq!(db.state(planned[0], PUSH).await, "sending");
    assert_eq!(db.state(planned[1], PUSH).await, "sent");
    db.assert_books_balance().await;

    let rest: Vec<Settlement> = [&batch[0], &batch[2]].map(|one| settlement(one, PUSH, Outcome::Sent)).into();
    let count = db.store().settle(batch[0].lease, "w", &rest).await.unwrap();
    assert_eq!(count, SettleCount { settled: 2, repeated: 0, stale: 0 });
    assert_eq!(db.count(LEASES).await, 0);
    db.assert_books_balance().await;
}

#[tokio::test]
async fn a_stale_settle_changes_nothing() {
    let db = Database::fresh().await;
    let id = db.plan(PUSH, 1).await[0];
    let slow = db.claim("slow", 1).await;
    db.lose_workers().await;

    assert_eq!(db.settle("slow", &slow[0], Outcome::Sent).await, STALE_ONE);
    assert_eq!(db.state(id, PUSH).await, "retrying: lease_expired");

    let next = db.claim_suspect("next").await;
    assert_eq!(db.settle("slow", &slow[0], Outcome::Sent).await, STALE_ONE);
    assert_eq!(db.state(id, PUSH).await, "sending: lease_expired");
    assert_eq!(db.settle("next", &next[0], Outcome::Sent).await, SETTLED_ONE);
    assert_eq!(db.outcomes(id, PUSH).await, ["1 lost", "2 sent"]);
    db.assert_books_balance().await;
}

/// Each channel of an event has a try of the same number.
#[tokio::test]
async fn a_stale_settle_is_not_taken_for_another_channels() {
    let db = Database::fresh().await;
    let event = an_event_with(42, &json!({"channels": ["push", "email"]}));
    db.store().emit(&[&event]).await.unwrap();
    let slow = db.claim("slow", 1).await;
    db.lose_workers().await;
    let mail = db.claim_as(a_claim("mail", Channel::Email, 1)).await;
    let sent = settlement(&mail[0], Channel::Email, Outcome::Sent);
    assert_eq!(db.store().settle(mail[0].lease, "mail", &[sent]).await.unwrap(), SETTLED_ONE);

    assert_eq!(db.settle("slow", &slow[0], Outcome::Sent).await, STALE_ONE);
}

#[tokio::test]
async fn nobody_settles_another_workers_lease() {
    let db = Database::fresh().await;
    let id = db.plan(PUSH, 1).await[0];
    let batch = db.claim("owner", 1).await;

    assert_eq!(db.settle("thief", &batch[0], Outcome::Sent).await, STALE_ONE);
    assert_eq!(db.store().release(batch[0].lease, "thief", &[id]).await.unwrap(), 0);

    assert_eq!(db.state(id, PUSH).await, "sending");
}

#[tokio::test]
async fn a_settle_repeated_after_a_lost_answer_says_so_and_changes_nothing() {
    let db = Database::fresh().await;
    let planned = db.plan(PUSH, 2).await;
    let batch = db.claim("w", 2).await;
    let both = [settlement(&batch[0], PUSH, Outcome::Sent), settlement(&batch[1], PUSH, RETRY)];
    db.store().settle(batch[0].lease, "w", &both).await.unwrap();

    let again = db.store().settle(batch[0].lease, "w", &both).await.unwrap();

    assert_eq!(again, SettleCount { settled: 0, repeated: 2, stale: 0 });
    assert_eq!(db.outcomes(planned[0], PUSH).await, ["1 sent"]);
    assert_eq!(db.outcomes(planned[1], PUSH).await, ["1 retry"]);
    db.assert_books_balance().await;
}

#[tokio::test]
async fn a_lost_delivery_is_counted_and_tried_alone() {
    let db = Database::fresh().await;
    let planned = db.plan(PUSH, 3).await;
    db.claim("dies", 3).await;
    db.expire_leases().await;

    let rescued = db.store().rescue().await.unwrap();

    assert_eq!((rescued[0].channel, rescued[0].taken_back, rescued[0].dead), (PUSH, 3, 0));
    assert_eq!(db.outcomes(planned[0], PUSH).await, ["1 lost"]);
    assert!(db.claim("next", 500).await.is_empty(), "with others");
    let alone = db.claim_suspect("next").await;
    assert_eq!((alone.len(), alone[0].attempt), (1, 2));
    assert!(planned.contains(&alone[0].event.id));
    db.assert_books_balance().await;
}

/// A worker that was cut off for long wakes up just when its lease is taken back: each delivery goes one way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_settle_that_races_its_rescue_never_brings_a_delivery_back() {
    let db = Database::fresh().await;
    for _ in 0..10 {
        db.plan(PUSH, 200).await;
        let mut leases = Vec::new();
        for _ in 0..100 {
            leases.push(db.claim("slow", 2).await);
        }
        db.expire_leases().await;
        let settles = leases.iter().map(|lease| db.settle("slow", &lease[0], Outcome::Sent));

        let (rescued, _) = join(db.store().rescue(), join_all(settles)).await;

        rescued.unwrap();
        db.assert_books_balance().await;
        db.lose_workers().await;
    }
}

#[tokio::test]
async fn a_delivery_that_is_lost_three_times_is_dead() {
    let db = Database::fresh().await;
    let id = db.plan(PUSH, 1).await[0];
    db.claim("w", 1).await;
    db.lose_workers().await;
    db.claim_suspect("w").await;
    db.lose_workers().await;
    db.claim_suspect("w").await;
    db.lose_workers().await;

    assert_eq!(db.state(id, PUSH).await, "dead: lease_expired");
    assert_eq!(db.outcomes(id, PUSH).await, ["1 lost", "2 lost", "3 dead"]);
    db.assert_books_balance().await;
}

#[tokio::test]
async fn a_renewed_lease_is_not_rescued() {
    let db = Database::fresh().await;
    let id = db.plan(PUSH, 1).await[0];
    let batch = db.claim("w", 1).await;
    db.expire_leases().await;
    let minute = Duration::from_mins(1);

    assert_eq!(db.store().renew(&[batch[0].lease], "thief", minute).await.unwrap(), []);
    assert_eq!(db.store().renew(&[batch[0].lease], "w", minute).await.unwrap(), [batch[0].lease]);

    assert!(db.store().rescue().await.unwrap().is_empty());
    assert_eq!(db.state(id, PUSH).await, "sending");
}

#[tokio::test]
async fn what_is_given_back_has_not_been_tried() {
    let db = Database::fresh().await;
    let planned = db.plan(PUSH, 3).await;
    let batch = db.claim("stops", 3).await;

    assert_eq!(db.store().release(batch[0].lease, "stops", &planned[..2]).await.unwrap(), 2);

    assert_eq!(db.state(planned[0], PUSH).await, "queued");
    assert_eq!(db.state(planned[2], PUSH).await, "sending");
    let again = db.claim("next", 3).await;
    assert_eq!((ids(&again), again[0].attempt), (planned[..2].to_vec(), 1));
    db.assert_books_balance().await;
}

#[tokio::test]
async fn a_suspect_that_is_given_back_is_still_tried_alone() {
    let db = Database::fresh().await;
    let id = db.plan(PUSH, 1).await[0];
    db.claim("dies", 1).await;
    db.lose_workers().await;
    let alone = db.claim_suspect("stops").await;

    db.store().release(alone[0].lease, "stops", &[id]).await.unwrap();

    assert!(db.claim("next", 500).await.is_empty(), "with others");
    assert_eq!(db.claim_suspect("next").await[0].attempt, 2);
}

#[tokio::test]
async fn a_retry_waits_and_counts() {
    let db = Database::fresh().await;
    let id = db.plan(PUSH, 1).await[0];
    db.settle("w", &db.claim("w", 1).await[0], RETRY).await;

    assert_eq!(db.state(id, PUSH).await, "retrying: unreachable");
    assert!(db.claim("w", 1).await.is_empty(), "at once");
    let wait = "select (extract(epoch from due_at - clock_timestamp()) * 1000)::bigint from eventcenter.deliveries";
    assert!((0..=2000).contains(&db.count(wait).await));

    db.make_all_due().await;
    assert_eq!(db.claim("w", 1).await[0].attempt, 2);
    db.assert_books_balance().await;
}
