//! A delivery is in exactly one place: waiting, leased or settled.

use std::collections::HashSet;

use eventcenter_core::delivery::{Channel, Fault, Message, Outcome, Settlement};
use eventcenter_core::id::{EventId, UserId};
use eventcenter_core::store::{Canceled, Claim, EndedFilter, Load, SettleCount};
use futures_util::future::join_all;
use serde_json::json;

use crate::support::database::Database;
use crate::support::deliveries::{a_claim, settlement};
use crate::support::events::{an_event_with, id_of, in_seconds};

const PUSH: Channel = Channel::Push;
const RETRY: Outcome = Outcome::Retry { fault: Fault::Unreachable, after: None };
const SETTLED_ONE: SettleCount = SettleCount { settled: 1, repeated: 0, stale: 0 };
const STALE_ONE: SettleCount = SettleCount { settled: 0, repeated: 0, stale: 1 };
const LEASES: &str = "select count(*) from eventcenter.leases";

fn ids(messages: &[Message]) -> Vec<EventId> {
    messages.iter().map(|message| message.event.id).collect()
}

async fn claim(db: &Database, worker: &str, limit: i32) -> Vec<Message> {
    db.store().claim(a_claim(worker, PUSH, limit)).await.unwrap()
}

async fn claim_quarantined(db: &Database, worker: &str) -> Vec<Message> {
    db.store().claim(Claim { load: Load::Quarantined, ..a_claim(worker, PUSH, 1) }).await.unwrap()
}

async fn settle(db: &Database, worker: &str, message: &Message, outcome: Outcome) -> SettleCount {
    db.store().settle(message.lease, worker, &[settlement(message, PUSH, outcome)]).await.unwrap()
}

/// Claims everything and loses the worker.
async fn lose(db: &Database) {
    db.expire_leases().await;
    db.store().rescue().await.unwrap();
}

/// Plans one delivery and settles it as `outcome`.
async fn ended(db: &Database, outcome: Outcome) -> EventId {
    let id = db.plan(PUSH, 1).await[0];
    settle(db, "w", &claim(db, "w", 1).await[0], outcome).await;
    id
}

#[tokio::test]
async fn a_claim_leases_the_oldest_due_deliveries_as_one_batch() {
    let db = Database::fresh().await;
    let later = an_event_with(9, &json!({"channels": ["push"], "deliver_at": in_seconds(3600)}));
    db.store().emit(&[&later]).await.unwrap();
    let planned = db.plan(PUSH, 5).await;

    let first = claim(&db, "one", 3).await;
    let rest = claim(&db, "two", 500).await;

    assert_eq!((ids(&first), ids(&rest)), (planned[..3].to_vec(), planned[3..].to_vec()));
    assert!(first.iter().all(|message| message.lease == first[0].lease && message.attempt == 1));
    assert_ne!(first[0].lease, rest[0].lease);
    assert_eq!(db.state(planned[0], PUSH).await, "sending");
    db.assert_books_balance().await;
}

#[tokio::test]
async fn what_one_claimer_is_taking_the_next_one_skips() {
    let db = Database::fresh().await;
    let planned = db.plan(PUSH, 5).await;
    let mut open = db.pool().begin().await.unwrap();
    let statement = "select eventcenter.claim('push', false, 'one', 2, '-infinity', '1 minute')";
    sqlx::query(statement).fetch_all(&mut *open).await.unwrap();

    assert_eq!(ids(&claim(&db, "two", 500).await), planned[2..]);

    open.rollback().await.unwrap();
    assert_eq!(ids(&claim(&db, "two", 500).await), planned[..2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claimers_that_race_never_get_the_same_delivery() {
    let db = Database::fresh().await;
    let planned = db.plan(PUSH, 1000).await;
    let claim_all = async |worker: &str| {
        let mut mine = Vec::new();
        loop {
            let batch = claim(&db, worker, 7).await;
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
    let batch = claim(&db, "w", 3).await;

    assert_eq!(settle(&db, "w", &batch[1], Outcome::Sent).await, SETTLED_ONE);
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
    let slow = claim(&db, "slow", 1).await;
    lose(&db).await;

    assert_eq!(settle(&db, "slow", &slow[0], Outcome::Sent).await, STALE_ONE);
    assert_eq!(db.state(id, PUSH).await, "retrying: lease_expired");

    let next = claim_quarantined(&db, "next").await;
    assert_eq!(settle(&db, "slow", &slow[0], Outcome::Sent).await, STALE_ONE);
    assert_eq!(db.state(id, PUSH).await, "sending: lease_expired");
    assert_eq!(settle(&db, "next", &next[0], Outcome::Sent).await, SETTLED_ONE);
    assert_eq!(db.outcomes(id, PUSH).await, ["1 lost", "2 sent"]);
    db.assert_books_balance().await;
}

#[tokio::test]
async fn nobody_settles_another_workers_lease() {
    let db = Database::fresh().await;
    let id = db.plan(PUSH, 1).await[0];
    let batch = claim(&db, "owner", 1).await;

    assert_eq!(settle(&db, "thief", &batch[0], Outcome::Sent).await, STALE_ONE);
    assert_eq!(db.store().release(batch[0].lease, "thief", &[id]).await.unwrap(), 0);

    assert_eq!(db.state(id, PUSH).await, "sending");
}

#[tokio::test]
async fn a_settle_repeated_after_a_lost_answer_says_so_and_changes_nothing() {
    let db = Database::fresh().await;
    let planned = db.plan(PUSH, 2).await;
    let batch = claim(&db, "w", 2).await;
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
    claim(&db, "dies", 3).await;
    db.expire_leases().await;

    let rescued = db.store().rescue().await.unwrap();

    assert_eq!((rescued[0].channel, rescued[0].taken_back, rescued[0].dead), (PUSH, 3, 0));
    assert_eq!(db.outcomes(planned[0], PUSH).await, ["1 lost"]);
    assert!(claim(&db, "next", 500).await.is_empty(), "with others");
    let alone = claim_quarantined(&db, "next").await;
    assert_eq!((alone.len(), alone[0].attempt), (1, 2));
    assert!(planned.contains(&alone[0].event.id));
    db.assert_books_balance().await;
}

#[tokio::test]
async fn a_delivery_that_is_lost_three_times_is_dead() {
    let db = Database::fresh().await;
    let id = db.plan(PUSH, 1).await[0];
    claim(&db, "w", 1).await;
    lose(&db).await;
    claim_quarantined(&db, "w").await;
    lose(&db).await;
    claim_quarantined(&db, "w").await;
    lose(&db).await;

    assert_eq!(db.state(id, PUSH).await, "dead: lease_expired");
    assert_eq!(db.outcomes(id, PUSH).await, ["1 lost", "2 lost", "3 dead"]);
    db.assert_books_balance().await;
}

#[tokio::test]
async fn a_renewed_lease_is_not_rescued() {
    let db = Database::fresh().await;
    let id = db.plan(PUSH, 1).await[0];
    let batch = claim(&db, "w", 1).await;
    db.expire_leases().await;
    let minute = std::time::Duration::from_secs(60);

    assert_eq!(db.store().renew(&[batch[0].lease], "thief", minute).await.unwrap(), []);
    assert_eq!(db.store().renew(&[batch[0].lease], "w", minute).await.unwrap(), [batch[0].lease]);

    assert!(db.store().rescue().await.unwrap().is_empty());
    assert_eq!(db.state(id, PUSH).await, "sending");
}

#[tokio::test]
async fn what_is_given_back_has_not_been_tried() {
    let db = Database::fresh().await;
    let planned = db.plan(PUSH, 3).await;
    let batch = claim(&db, "stops", 3).await;

    assert_eq!(db.store().release(batch[0].lease, "stops", &planned[..2]).await.unwrap(), 2);

    assert_eq!(db.state(planned[0], PUSH).await, "queued");
    assert_eq!(db.state(planned[2], PUSH).await, "sending");
    let again = claim(&db, "next", 3).await;
    assert_eq!((ids(&again), again[0].attempt), (planned[..2].to_vec(), 1));
    db.assert_books_balance().await;
}

#[tokio::test]
async fn a_suspect_that_is_given_back_is_still_tried_alone() {
    let db = Database::fresh().await;
    let id = db.plan(PUSH, 1).await[0];
    claim(&db, "dies", 1).await;
    lose(&db).await;
    let alone = claim_quarantined(&db, "stops").await;

    db.store().release(alone[0].lease, "stops", &[id]).await.unwrap();

    assert!(claim(&db, "next", 500).await.is_empty(), "with others");
    assert_eq!(claim_quarantined(&db, "next").await[0].attempt, 2);
}

#[tokio::test]
async fn a_retry_waits_and_counts() {
    let db = Database::fresh().await;
    let id = db.plan(PUSH, 1).await[0];
    settle(&db, "w", &claim(&db, "w", 1).await[0], RETRY).await;

    assert_eq!(db.state(id, PUSH).await, "retrying: unreachable");
    assert!(claim(&db, "w", 1).await.is_empty(), "at once");
    let wait = "select (extract(epoch from due_at - clock_timestamp()) * 1000)::bigint from eventcenter.deliveries";
    assert!((0..=2000).contains(&db.count(wait).await));

    db.make_all_due().await;
    assert_eq!(claim(&db, "w", 1).await[0].attempt, 2);
    db.assert_books_balance().await;
}

#[tokio::test]
async fn a_cancel_takes_back_what_waits_and_says_what_does_not() {
    let db = Database::fresh().await;
    let event = an_event_with(42, &json!({"channels": ["ws", "push", "email"]}));
    let id = id_of(&db.store().emit(&[&event]).await.unwrap()[0]);
    let sending = claim(&db, "w", 1).await;

    let canceled = db.store().cancel(id).await.unwrap();

    let result = |channel: &str, result: &str| Canceled { channel: channel.to_owned(), result: result.to_owned() };
    assert_eq!(canceled, [result("ws", "settled"), result("push", "in_flight"), result("email", "canceled")]);
    assert_eq!(db.state(id, Channel::Email).await, "canceled");
    // It may still be sent, but it is not tried again.
    assert_eq!(settle(&db, "w", &sending[0], RETRY).await, SETTLED_ONE);
    assert_eq!(db.state(id, PUSH).await, "canceled");
    assert_eq!(db.outcomes(id, PUSH).await, ["1 retry", "2 canceled"]);
    assert_eq!(db.count("select count(*) from eventcenter.deliveries").await, 0);
    assert_eq!(db.store().cancel(id).await.unwrap(), ["ws", "push", "email"].map(|channel| result(channel, "settled")));
    db.assert_books_balance().await;
}

#[tokio::test]
async fn a_lost_delivery_of_a_canceled_event_is_told_to_its_next_worker() {
    let db = Database::fresh().await;
    let id = db.plan(PUSH, 1).await[0];
    assert!(!claim(&db, "dies", 1).await[0].is_canceled);
    db.store().cancel(id).await.unwrap();
    lose(&db).await;

    assert!(claim_quarantined(&db, "next").await[0].is_canceled);
}

#[tokio::test]
async fn a_redrive_takes_what_its_filter_says_and_tries_it_anew() {
    let db = Database::fresh().await;
    let refused = ended(&db, Outcome::Failed(Fault::Refused)).await;
    let sent = ended(&db, Outcome::Sent).await;
    let filter = EndedFilter { state: "failed", ..EndedFilter::default() };

    assert_eq!(db.store().ended_deliveries(&filter, None, 10).await.unwrap()[0].cursor, refused);
    for other in [
        EndedFilter { state: "dead", ..filter.clone() },
        EndedFilter { channel: Some("email"), ..filter.clone() },
        EndedFilter { kind: Some("message.new"), ..filter.clone() },
        EndedFilter { user_id: UserId::new(2), ..filter.clone() },
        EndedFilter { event_id: Some(sent), ..filter.clone() },
    ] {
        assert_eq!(db.store().redrive(&other, 10).await.unwrap(), 0, "{other:?}");
    }
    let all = EndedFilter {
        channel: Some("push"),
        kind: Some("job.done"),
        user_id: UserId::new(1),
        event_id: Some(refused),
        ..filter.clone()
    };
    assert_eq!(db.store().redrive(&all, 10).await.unwrap(), 1);

    assert!(db.store().ended_deliveries(&filter, None, 10).await.unwrap().is_empty());
    db.assert_books_balance().await;
    let again = claim(&db, "w", 1).await;
    assert_eq!(ids(&again), [refused]);
    settle(&db, "w", &again[0], Outcome::Sent).await;
    assert_eq!(db.outcomes(refused, PUSH).await, ["1 failed", "2 redriven", "3 sent"]);
    db.assert_books_balance().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redrives_that_race_redrive_each_delivery_once() {
    let db = Database::fresh().await;
    db.plan(PUSH, 200).await;
    let batch = claim(&db, "w", 200).await;
    let refused: Vec<Settlement> =
        batch.iter().map(|one| settlement(one, PUSH, Outcome::Failed(Fault::Refused))).collect();
    db.store().settle(batch[0].lease, "w", &refused).await.unwrap();
    let filter = EndedFilter { state: "failed", ..EndedFilter::default() };

    let redriven = join_all((0..4).map(|_| db.store().redrive(&filter, 1000))).await;

    assert_eq!(redriven.into_iter().map(Result::unwrap).sum::<usize>(), 200);
    assert_eq!(db.count("select count(*) from eventcenter.deliveries").await, 200);
    db.assert_books_balance().await;
}
