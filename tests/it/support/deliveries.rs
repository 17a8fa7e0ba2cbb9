//! Deliveries to claim, and what became of them.

use std::time::Duration;

use eventcenter_core::delivery::{Channel, Message, Outcome, Report, Settlement, Try};
use eventcenter_core::id::EventId;
use eventcenter_core::store::{Claim, Floor, Load, SettleCount};
use serde_json::json;

use super::database::Database;
use super::events::{an_event_with, id_of};
use super::eventually::{SOON, eventually};

/// Longer than any test.
const LEASE: Duration = Duration::from_mins(1);

/// An ordinary claim of at most `limit`, of everything that is due.
pub(crate) const fn a_claim(worker: &str, channel: Channel, limit: i32) -> Claim<'_> {
    Claim { worker, channel, load: Load::Ordinary, limit, floor: Floor::Everything, lease: LEASE }
}

/// What follows from one try that came to `outcome`, with the longest wait its retry may have.
pub(crate) fn settlement(message: &Message, channel: Channel, outcome: Outcome) -> Settlement {
    Report::from(Try::overall(outcome)).settle(message, channel, Duration::ZERO, 0.999)
}

impl Database {
    /// Emits `count` events that wait on `channel` alone, oldest first.
    pub(crate) async fn plan(&self, channel: Channel, count: i64) -> Vec<EventId> {
        let events: Vec<_> =
            (1..=count).map(|user| an_event_with(user, &json!({"channels": [channel.as_str()]}))).collect();
        let emitted = self.store().emit(&events.iter().collect::<Vec<_>>()).await.unwrap();
        emitted.iter().map(id_of).collect()
    }

    /// Claims at most `limit` push deliveries.
    pub(crate) async fn claim(&self, worker: &str, limit: i32) -> Vec<Message> {
        self.claim_as(a_claim(worker, Channel::Push, limit)).await
    }

    /// Claims one push delivery that has lost a worker.
    pub(crate) async fn claim_suspect(&self, worker: &str) -> Vec<Message> {
        let claim = Claim { load: Load::Quarantined, ..a_claim(worker, Channel::Push, 1) };
        self.claim_as(claim).await
    }

    /// Claims what `claim` says and loads it, as a worker does.
    pub(crate) async fn claim_as(&self, claim: Claim<'_>) -> Vec<Message> {
        match self.store().claim(claim).await.unwrap() {
            Some(claimed) => self.store().load(&claimed).await.unwrap(),
            None => Vec::new(),
        }
    }

    /// Settles one push delivery.
    pub(crate) async fn settle(&self, worker: &str, message: &Message, outcome: Outcome) -> SettleCount {
        let settlement = settlement(message, Channel::Push, outcome);
        self.store().settle(message.lease, worker, &[settlement]).await.unwrap()
    }

    /// Whoever holds something dies, and it is taken back.
    pub(crate) async fn lose_workers(&self) {
        self.expire_leases().await;
        self.store().rescue().await.unwrap();
    }

    /// Where a delivery stands, as in `skipped: noise`.
    pub(crate) async fn state(&self, id: EventId, channel: Channel) -> String {
        let deliveries = self.store().deliveries_of(id).await.unwrap();
        let found = deliveries.iter().find(|one| one.channel == channel.as_str());
        let delivery = found.unwrap_or_else(|| panic!("{id} was not planned for {channel}"));
        match &delivery.reason {
            Some(reason) => format!("{}: {reason}", delivery.state),
            None => delivery.state.clone(),
        }
    }

    /// Waits until every one of these pushes stands so.
    pub(crate) async fn settles_as(&self, ids: &[EventId], wanted: &str) {
        eventually(SOON, || async {
            for id in ids {
                if self.state(*id, Channel::Push).await != wanted {
                    return None;
                }
            }
            Some(())
        })
        .await;
    }

    /// The outcomes on record for a delivery, oldest first.
    pub(crate) async fn outcomes(&self, id: EventId, channel: Channel) -> Vec<String> {
        let deliveries = self.store().deliveries_of(id).await.unwrap();
        let mine = deliveries.into_iter().filter(|one| one.channel == channel.as_str());
        mine.flat_map(|one| one.attempts).map(|one| format!("{} {}", one.attempt, one.outcome)).collect()
    }

    /// Lets every lease run out, as if its worker had died long ago.
    pub(crate) async fn expire_leases(&self) {
        sqlx::query("update eventcenter.leases set until = clock_timestamp() - interval '1 s'")
            .execute(self.pool())
            .await
            .unwrap();
    }

    /// Lets the pauses between tries, and schedules, pass.
    pub(crate) async fn make_all_due(&self) {
        let pass =
            "update eventcenter.deliveries set due_at = clock_timestamp(), since = least(since, clock_timestamp())
            where due_at > clock_timestamp()";
        sqlx::query(pass).execute(self.pool()).await.unwrap();
    }
}
