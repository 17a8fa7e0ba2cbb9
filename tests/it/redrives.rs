//! What was planned can be taken back, and what ended badly can be tried anew.

use std::time::Duration;

use eventcenter_core::delivery::{
    Channel, Contact, Fault, Message, Outcome, Report, Ruling, Settlement, Subscription, Try,
};
use eventcenter_core::id::{EventId, UserId};
use eventcenter_core::store::{Canceled, EndedFilter, NewSubscription, SettleCount};
use futures_util::future::join_all;
use serde_json::json;

use crate::support::database::Database;
use crate::support::deliveries::settlement;
use crate::support::events::{an_event_with, id_of};

const PUSH: Channel = Channel::Push;
const RETRY: Outcome = Outcome::Retry { fault: Fault::Unreachable, after: None };
const SETTLED_ONE: SettleCount = SettleCount { settled: 1, repeated: 0, stale: 0 };

/// Plans one delivery and settles it as `outcome`.
async fn ended(db: &Database, outcome: Outcome) -> EventId {
    let id = db.plan(PUSH, 1).await[0];
    db.settle("w", &db.claim("w", 1).await[0], outcome).await;
    id
}

#[tokio::test]
async fn a_cancel_takes_back_what_waits_and_says_what_does_not() {
    let db = Database::fresh().await;
    let event = an_event_with(42, &json!({"channels": ["ws", "push", "email"]}));
    let id = id_of(&db.store().emit(&[&event]).await.unwrap()[0]);
    let sending = db.claim("w", 1).await;

    let canceled = db.store().cancel(id).await.unwrap();

    let result = |channel: &str, result: &str| Canceled { channel: channel.to_owned(), result: result.to_owned() };
    assert_eq!(canceled, [result("ws", "settled"), result("push", "in_flight"), result("email", "canceled")]);
    assert_eq!(db.state(id, Channel::Email).await, "canceled");
    // It may still be sent, but it is not tried again.
    assert_eq!(db.settle("w", &sending[0], RETRY).await, SETTLED_ONE);
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
    assert_eq!(db.claim("dies", 1).await[0].ruling, Ruling::Send);
    db.store().cancel(id).await.unwrap();
    db.lose_workers().await;

    assert_eq!(db.claim_suspect("next").await[0].ruling, Ruling::Cancel);
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
    let again = db.claim("w", 1).await;
    assert_eq!(again[0].event.id, refused);
    db.settle("w", &again[0], Outcome::Sent).await;
    assert_eq!(db.outcomes(refused, PUSH).await, ["1 failed", "2 redriven", "3 sent"]);
    db.assert_books_balance().await;
}

fn to(browser: &Subscription, outcome: Outcome) -> Try {
    Try { target: browser.id.to_string(), ..Try::overall(outcome) }
}

/// Two browsers of one person, and a push to them.
async fn pushed_to_two_browsers(db: &Database) -> Message {
    for endpoint in ["https://push.example/1", "https://push.example/2"] {
        let new = NewSubscription { endpoint, p256dh: &[4; 65], auth: &[1; 16], vapid_key_id: "key", device: None };
        db.store().subscribe(UserId::new(1).unwrap(), new).await.unwrap();
    }
    db.plan(PUSH, 1).await;
    db.claim("w", 1).await.remove(0)
}

fn browsers(message: &Message) -> &[Subscription] {
    match &message.contact {
        Contact::Push(browsers) => browsers,
        Contact::Email(_) | Contact::None => panic!("not a push: {message:?}"),
    }
}

#[tokio::test]
async fn a_redrive_tries_the_targets_that_failed_again_and_no_others() {
    let db = Database::fresh().await;
    let first = pushed_to_two_browsers(&db).await;
    let refused = Outcome::Failed(Fault::Refused);
    let report = Report { tries: browsers(&first).iter().map(|one| to(one, refused)).collect() };
    let settled = report.settle(&first, PUSH, Duration::ZERO, 0.5);
    db.store().settle(first.lease, "w", &[settled]).await.unwrap();

    assert_eq!(db.store().redrive(&EndedFilter { state: "failed", ..EndedFilter::default() }, 10).await.unwrap(), 1);

    let again = db.claim("w", 1).await.remove(0);
    assert_eq!(browsers(&again).len(), 2);
}

/// The everyday case: one of a person's browsers is long gone.
#[tokio::test]
async fn a_push_that_reached_one_browser_is_no_failure() {
    let db = Database::fresh().await;
    let message = pushed_to_two_browsers(&db).await;
    let [phone, laptop] = browsers(&message) else { panic!("two browsers") };
    let report = Report { tries: vec![to(phone, Outcome::Sent), to(laptop, Outcome::Failed(Fault::Gone))] };
    let settled = report.settle(&message, PUSH, Duration::ZERO, 0.5);
    db.store().settle(message.lease, "w", &[settled]).await.unwrap();

    assert_eq!(db.state(message.event.id, PUSH).await, "sent");
    let failed = EndedFilter { state: "failed", ..EndedFilter::default() };
    assert!(db.store().ended_deliveries(&failed, None, 10).await.unwrap().is_empty());
    assert_eq!(db.store().redrive(&failed, 10).await.unwrap(), 0);
    db.assert_books_balance().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redrives_that_race_redrive_each_delivery_once() {
    let db = Database::fresh().await;
    db.plan(PUSH, 200).await;
    let batch = db.claim("w", 200).await;
    let refused: Vec<Settlement> =
        batch.iter().map(|one| settlement(one, PUSH, Outcome::Failed(Fault::Refused))).collect();
    db.store().settle(batch[0].lease, "w", &refused).await.unwrap();
    let filter = EndedFilter { state: "failed", ..EndedFilter::default() };

    let redriven = join_all((0..4).map(|_| db.store().redrive(&filter, 1000))).await;

    assert_eq!(redriven.into_iter().map(Result::unwrap).sum::<usize>(), 200);
    assert_eq!(db.count("select count(*) from eventcenter.deliveries").await, 200);
    db.assert_books_balance().await;
}

#[tokio::test]
async fn a_redriven_delivery_may_be_lost_as_often_as_a_new_one() {
    let db = Database::fresh().await;
    let id = db.plan(PUSH, 1).await[0];
    db.claim("dies", 1).await;
    db.lose_workers().await;
    for _ in 0..2 {
        db.claim_suspect("dies").await;
        db.lose_workers().await;
    }
    assert_eq!(db.state(id, PUSH).await, "dead: lease_expired");

    db.store().redrive(&EndedFilter { state: "dead", ..EndedFilter::default() }, 10).await.unwrap();
    db.claim("dies", 1).await;
    db.lose_workers().await;

    assert_eq!(db.outcomes(id, PUSH).await, ["1 lost", "2 lost", "3 dead", "4 redriven", "5 lost"]);
    assert_eq!(db.claim_suspect("next").await.len(), 1);
}
