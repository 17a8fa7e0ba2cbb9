//! What is: one random step after the other, done to the database and to the model.

use std::collections::BTreeMap;
use std::time::Duration;

use eventcenter_core::delivery::{Channel, Fault, Message, Outcome, Ruling, Settlement, Skip, State};
use eventcenter_core::event::NewEvent;
use eventcenter_core::id::{EventId, LeaseId};
use eventcenter_core::store::{AuditRow, Claim, EndedFilter, KeeperSession, Load};
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use sqlx::types::Uuid;

use super::model::{Delivery, Key, Model, Place};
use crate::support::database::Database;
use crate::support::deliveries::{a_claim, settlement};
use crate::support::events::{id_of, in_seconds, json_with};
use crate::support::sql::insert;

const WORKER: &str = "w";
const HOUR: Duration = Duration::from_hours(1);
/// Longer than any schedule lasts.
const TOO_OLD: Duration = Duration::from_secs(1_000_000);

pub(super) struct Run {
    db: Database,
    random: StdRng,
    model: Model,
    keeper: KeeperSession,
    /// What each live lease was claimed with.
    leases: BTreeMap<LeaseId, (Channel, Vec<Message>)>,
    /// Everything that was ever settled, well or too late.
    settled: Vec<Settlement>,
    /// Held once, and lost.
    lost: Vec<(Channel, Message)>,
}

impl Run {
    pub(super) async fn new(db: Database, random: StdRng) -> Self {
        let keeper = KeeperSession::connect(db.url()).await.unwrap();
        let (settled, lost) = (Vec::new(), Vec::new());
        Self { db, random, model: Model::default(), keeper, leases: BTreeMap::new(), settled, lost }
    }

    pub(super) async fn step(&mut self) {
        match self.random.random_range(0..16) {
            0..=3 => self.emit().await,
            4 => self.append().await,
            5..=7 => self.claim().await,
            8..=9 => self.settle().await,
            10 => self.settle_again().await,
            11 => self.crash().await,
            12 => self.release().await,
            13 => self.cancel().await,
            14 => self.redrive().await,
            _ => {
                self.db.make_all_due().await;
                self.model.let_time_pass();
            }
        }
    }

    /// The books and every single state are what the model says.
    pub(super) async fn check(&self) {
        let books = self.db.store().audit(None).await.unwrap();
        for AuditRow { channel, planned, waiting, leased, settled, astray } in books {
            let channel = Channel::parse(&channel).unwrap();
            let count =
                |is: fn(Place) -> bool| i64::try_from(self.model.of(channel, |one| is(one.place)).len()).unwrap();
            assert_eq!(
                (planned, waiting, leased, settled, astray),
                (
                    count(|_| true),
                    count(|place| matches!(place, Place::Due | Place::Later)),
                    count(|place| matches!(place, Place::Leased(_))),
                    count(|place| matches!(place, Place::Settled(_))),
                    0
                ),
                "{channel}"
            );
        }
        let states: Vec<(Uuid, String, String)> =
            sqlx::query_as("select event_id, channel, state from eventcenter.delivery_status")
                .fetch_all(self.db.pool())
                .await
                .unwrap();
        assert_eq!(states.len(), self.model.deliveries.len());
        for (id, channel, state) in states {
            let key = (EventId::from_row(id), Channel::parse(&channel).unwrap());
            assert_eq!(state, self.model.deliveries[&key].state(), "{key:?}: {:?}", self.model.deliveries[&key]);
        }
    }

    async fn emit(&mut self) {
        let channels: Vec<Channel> =
            Channel::ALL.choose_multiple(&mut self.random, 3).copied().take(self.random.random_range(1..=3)).collect();
        let (is_progress, is_late) = (self.random.random_bool(0.2), self.random.random_bool(0.2));
        let is_scheduled = !is_late && self.random.random_bool(0.2);
        let mut fields = json!({"channels": channels.iter().map(|one| one.as_str()).collect::<Vec<_>>()});
        let mut set = |name: &str, value: Value| fields.as_object_mut().unwrap().insert(name.to_owned(), value);
        if is_progress {
            set("type", json!("job.progress"));
        }
        if is_late {
            set("expires_at", json!(in_seconds(-1)));
        }
        if is_scheduled {
            set("deliver_at", json!(in_seconds(3600)));
        }
        let event = json_with(self.random.random_range(1..4), &fields);

        let by_http = self.random.random_bool(0.5);
        let id = if by_http { self.emit_by_http(&event).await } else { self.emit_by_sql(&event).await };

        for channel in channels {
            let is_noise = is_progress && channel != Channel::Ws;
            let place = match (is_noise, is_scheduled) {
                (true, _) => Place::Settled("skipped"),
                (false, true) => Place::Later,
                (false, false) => Place::Due,
            };
            self.model.plan((id, channel), Delivery { is_expired: is_late, ..Delivery::at(place) });
        }
        if by_http {
            self.model.append(|key| key.0 == id);
        }
    }

    async fn emit_by_http(&self, event: &Value) -> EventId {
        let event = NewEvent::from_json(event).unwrap();
        id_of(&self.db.store().emit(&[&event]).await.unwrap()[0])
    }

    async fn emit_by_sql(&self, event: &Value) -> EventId {
        let statement = insert(event) + " returning id";
        let id: Uuid = sqlx::query_scalar(AssertSqlSafe(statement)).fetch_one(self.db.pool()).await.unwrap();
        EventId::from_row(id)
    }

    async fn append(&mut self) {
        let appended = self.keeper.append_due(1000, None).await.unwrap();
        assert_eq!(usize::try_from(appended).unwrap(), self.model.append(|_| true));
    }

    async fn claim(&mut self) {
        let channel = *[Channel::Push, Channel::Email].choose(&mut self.random).unwrap();
        let (load, limit) = if self.random.random_bool(0.4) {
            (Load::Quarantined, 1)
        } else {
            (Load::Ordinary, self.random.random_range(1..6))
        };
        let ready = self.model.ready(channel, load);

        let batch = self.db.claim_as(Claim { load, ..a_claim(WORKER, channel, limit) }).await;

        assert_eq!(batch.len(), ready.len().min(usize::try_from(limit).unwrap()));
        for message in &batch {
            let key = (message.event.id, channel);
            assert!(ready.contains(&key), "{key:?}");
            assert_eq!(message.ruling == Ruling::Cancel, self.model.canceled.contains(&key.0));
            let delivery = self.model.get(key);
            delivery.place = Place::Leased(message.lease);
            delivery.attempt += 1;
            assert_eq!(message.attempt, delivery.attempt);
        }
        if let Some(first) = batch.first() {
            self.leases.insert(first.lease, (channel, batch));
        }
    }

    /// Some lease, and some of what it still holds.
    fn some_held(&mut self) -> Option<(LeaseId, Channel, Vec<Message>)> {
        let lease = *self.leases.keys().collect::<Vec<_>>().choose(&mut self.random)?;
        let (channel, batch) = &self.leases[lease];
        let (lease, channel) = (*lease, *channel);
        let held: Vec<Key> = self.model.held_by(lease);
        let mut some = batch.clone();
        some.retain(|message| held.contains(&(message.event.id, channel)));
        some.truncate(self.random.random_range(1..=some.len()));
        Some((lease, channel, some))
    }

    fn forget_if_empty(&mut self, lease: LeaseId) {
        if self.model.held_by(lease).is_empty() {
            self.leases.remove(&lease);
        }
    }

    fn a_settlement(&mut self, channel: Channel, mut message: Message) -> Settlement {
        let retry = Outcome::Retry { fault: Fault::Throttled, after: Some(HOUR) };
        let outcome = match self.random.random_range(0..6) {
            0 => Outcome::Sent,
            1 => Outcome::Failed(Fault::Refused),
            2 => Outcome::Skipped(Skip::NoAddress),
            3 => {
                message.timing.age = TOO_OLD;
                retry
            }
            _ => retry,
        };
        settlement(&message, channel, outcome)
    }

    async fn settle(&mut self) {
        let Some((lease, channel, some)) = self.some_held() else { return };
        let settlements: Vec<Settlement> = some.into_iter().map(|one| self.a_settlement(channel, one)).collect();

        let count = self.db.store().settle(lease, WORKER, &settlements).await.unwrap();

        assert_eq!((usize::try_from(count.settled).unwrap(), count.repeated, count.stale), (settlements.len(), 0, 0));
        for one in settlements {
            let state = (one.state() != State::Retrying).then(|| one.state().as_str());
            self.model.settle((one.event_id, channel), state);
            self.settled.push(one);
        }
        self.forget_if_empty(lease);
    }

    /// A worker that got no answer asks again, or one comes too late: neither changes anything.
    async fn settle_again(&mut self) {
        if let Some(one) = self.settled.choose(&mut self.random) {
            let count = self.db.store().settle(one.lease, WORKER, std::slice::from_ref(one)).await.unwrap();
            assert_eq!((count.settled, count.repeated, count.stale), (0, 1, 0), "{one:?}");
        }
        if let Some((channel, message)) = self.lost.choose(&mut self.random) {
            let one = settlement(message, *channel, Outcome::Sent);
            let count = self.db.store().settle(one.lease, WORKER, &[one]).await.unwrap();
            assert_eq!((count.settled, count.repeated, count.stale), (0, 0, 1), "{message:?}");
        }
    }

    async fn crash(&mut self) {
        let Some((lease, channel, _)) = self.some_held() else { return };
        sqlx::query("update eventcenter.leases set until = clock_timestamp() - interval '1 s' where id = $1")
            .bind(lease.get())
            .execute(self.db.pool())
            .await
            .unwrap();

        let rescued = self.db.store().rescue().await.unwrap();

        let held = self.model.held_by(lease);
        assert_eq!(usize::try_from(rescued[0].taken_back).unwrap(), held.len());
        let (_, batch) = self.leases.remove(&lease).unwrap();
        let lost = batch.into_iter().filter(|message| held.contains(&(message.event.id, channel)));
        self.lost.extend(lost.map(|message| (channel, message)));
        for key in held {
            self.model.lose(key);
        }
    }

    async fn release(&mut self) {
        let Some((lease, channel, some)) = self.some_held() else { return };
        let ids: Vec<EventId> = some.iter().map(|message| message.event.id).collect();

        let released = self.db.store().release(lease, WORKER, &ids).await.unwrap();

        assert_eq!(usize::try_from(released).unwrap(), ids.len());
        for id in ids {
            self.model.release((id, channel));
        }
        self.forget_if_empty(lease);
    }

    async fn cancel(&mut self) {
        let ids: Vec<EventId> = self.model.deliveries.keys().map(|key| key.0).collect();
        let Some(id) = ids.choose(&mut self.random).copied() else { return };

        let canceled = self.db.store().cancel(id).await.unwrap();

        let results = canceled.iter().map(|one| (one.channel.as_str(), one.result.as_str()));
        assert_eq!(results.collect::<BTreeMap<_, _>>(), self.model.cancel(id));
    }

    async fn redrive(&mut self) {
        let state = *["dead", "failed"].choose(&mut self.random).unwrap();
        let filter = EndedFilter { state, ..EndedFilter::default() };
        let listed = self.db.store().ended_deliveries(&filter, None, 1000).await.unwrap().len();

        let redriven = self.db.store().redrive(&filter, 1000).await.unwrap();

        assert_eq!((listed, redriven), (redriven, self.model.redrive(state)));
    }
}
