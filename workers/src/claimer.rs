//! Claims batches ahead of the handlers, and keeps their leases alive.

use std::sync::Arc;
use std::time::{Duration, Instant};

use eventcenter_core::delivery::{Message, Ruling};
use eventcenter_core::id::{EventId, LeaseId};
use eventcenter_core::metrics::HELD;
use eventcenter_core::store::{Claim, Load, Store, StoreError};
use jiff::Timestamp;
use metrics::counter;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::leases::Leases;
use crate::worker::WorkerSettings;

/// How far below the last claimed delivery a claim looks: transactions that commit this much late are still found at
/// once, later ones by the next sweep.
const FLOOR_SLACK: Duration = Duration::from_secs(5);
/// A sweep looks at everything, so under a held snapshot it costs with the dead entries. It takes at most this part
/// of the time: one in twenty.
const SWEEP_SHARE: u32 = 20;
/// While a delivery that lost its worker is tried, how often to look whether the next one may be.
const SUSPECT_POLL: Duration = Duration::from_millis(50);
/// The longest wait after the database failed.
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// A claimed delivery on its way to a handler.
#[derive(Debug)]
pub(crate) struct Job {
    /// What to send.
    pub message: Message,
    /// When the database's measurements in it were taken.
    pub loaded: Instant,
}

pub(crate) struct Claimer {
    pub(crate) store: Store,
    pub(crate) settings: WorkerSettings,
    pub(crate) name: Arc<str>,
    pub(crate) leases: Arc<Leases>,
    pub(crate) wake: Arc<Notify>,
    pub(crate) jobs: mpsc::Sender<Arc<Job>>,
}

impl Claimer {
    /// Claims until told to stop. An error of the database is a pause, never an end.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut floor = Floor::default();
        let mut suspect = None;
        let mut failures = 0_u32;
        loop {
            let Some(room) = stop.run_until_cancelled(self.room()).await.flatten() else { return };
            let pause = match self.claim(room, &mut floor, &mut suspect).await {
                Ok(is_full) => {
                    failures = 0;
                    if is_full {
                        continue;
                    }
                    suspect.map_or(self.settings.poll, |_| SUSPECT_POLL.min(self.settings.poll))
                }
                Err(error) => {
                    failures += 1;
                    tracing::warn!(channel = %self.settings.channel, %error, "could not claim");
                    BACKOFF_MAX.min(Duration::from_millis(50) * (1 << failures.min(10)))
                }
            };
            let nap = tokio::time::timeout(pause, self.wake.notified());
            if stop.run_until_cancelled(nap).await.is_none() {
                return;
            }
        }
    }

    /// Waits until at least half a batch fits, so that batches stay full under load. `None` when the worker is gone.
    async fn room(&self) -> Option<usize> {
        let half = (self.settings.batch / 2).max(1);
        drop(self.jobs.reserve_many(half).await.ok()?);
        Some(self.jobs.capacity().min(self.settings.batch))
    }

    /// Claims what fits; whether that was all that fits.
    async fn claim(&self, room: usize, floor: &mut Floor, suspect: &mut Option<LeaseId>) -> Result<bool, StoreError> {
        let sweeps = floor.sweep_is_due();
        if sweeps || suspect.is_some() {
            self.claim_suspect(suspect).await?;
        }
        let room = room.min(self.jobs.capacity());
        if room == 0 {
            return Ok(true);
        }
        let started = Instant::now();
        let since = if sweeps { None } else { floor.age() };
        let claimed = self.claim_batch(Load::Ordinary, room, since).await?;
        let is_full = claimed.len() == room;
        let newest = if is_full { claimed.iter().map(|one| one.lag).min() } else { None };
        floor.moved(started, newest.unwrap_or_default());
        self.hand_over(claimed, started).await;
        if sweeps {
            floor.swept(started);
        }
        Ok(is_full)
    }

    /// One at a time, and before the others: a delivery that kills its worker takes no other suspect with it, and a
    /// backlog does not starve them.
    async fn claim_suspect(&self, suspect: &mut Option<LeaseId>) -> Result<(), StoreError> {
        if suspect.is_some_and(|lease| self.leases.outstanding(lease) > 0) {
            return Ok(());
        }
        let started = Instant::now();
        let claimed = self.claim_batch(Load::Quarantined, 1, None).await?;
        *suspect = claimed.first().map(|message| message.lease);
        self.hand_over(claimed, started).await;
        Ok(())
    }

    async fn claim_batch(&self, load: Load, limit: usize, floor: Option<Duration>) -> Result<Vec<Message>, StoreError> {
        self.store
            .claim(Claim {
                worker: &self.name,
                channel: self.settings.channel,
                load,
                limit: i32::try_from(limit).unwrap_or(i32::MAX),
                floor,
                lease: self.settings.lease,
            })
            .await
    }

    /// Never waits for long: only what fits was claimed. What a worker that has closed does not take is given back, and
    /// so is what has met quiet hours, until they end.
    async fn hand_over(&self, claimed: Vec<Message>, asked: Instant) {
        let Some(lease) = claimed.first().map(|message| message.lease) else { return };
        self.leases.add(lease, claimed.len(), asked, self.settings.lease);
        let loaded = Instant::now();
        let (mut refused, mut held) = (Vec::new(), Vec::new());
        for message in claimed {
            if let Ruling::Hold(until) = message.ruling {
                held.push((message.event.id, until));
            } else if let Err(job) = self.jobs.send(Arc::new(Job { message, loaded })).await {
                refused.push(job.0.message.event.id);
            }
        }
        give_back(&self.store, &self.leases, &self.name, lease, &refused).await;
        self.hold(lease, &held).await;
    }

    async fn hold(&self, lease: LeaseId, held: &[(EventId, Timestamp)]) {
        if held.is_empty() {
            return;
        }
        match self.store.hold(lease, &self.name, held).await {
            Ok(count) => counter!(HELD, "channel" => self.settings.channel.as_str()).increment(count.unsigned_abs()),
            Err(error) => tracing::warn!(%error, "could not hold deliveries; their lease will expire"),
        }
        self.leases.finish(lease, held.len());
    }
}

/// Gives back deliveries that were claimed and not started. If that fails, their lease expires.
pub(crate) async fn give_back(store: &Store, leases: &Leases, name: &str, lease: LeaseId, ids: &[EventId]) {
    if ids.is_empty() {
        return;
    }
    if let Err(error) = store.release(lease, name, ids).await {
        tracing::warn!(%error, "could not give deliveries back; their lease will expire");
    }
    leases.finish(lease, ids.len());
}

/// Prolongs the leases that are held, well before they end, until told to stop.
pub(crate) async fn renew(store: Store, leases: Arc<Leases>, name: Arc<str>, lease: Duration, stop: CancellationToken) {
    let mut pause = tokio::time::interval(lease / 3);
    while stop.run_until_cancelled(pause.tick()).await.is_some() {
        let held = leases.all();
        if held.is_empty() {
            continue;
        }
        let asked = Instant::now();
        match store.renew(&held, &name, lease).await {
            Ok(renewed) => leases.renewed(&held, &renewed, asked, lease),
            Err(error) => tracing::warn!(%error, "could not renew leases"),
        }
    }
}

/// How far back the next claim looks.
#[derive(Debug, Default)]
struct Floor {
    /// When, and how far behind then, the last claim had got to.
    reached: Option<(Instant, Duration)>,
    /// When the last look at everything began, and how long it took.
    swept: Option<(Instant, Duration)>,
}

impl Floor {
    fn age(&self) -> Option<Duration> {
        self.reached.map(|(at, lag)| at.elapsed() + lag + FLOOR_SLACK)
    }

    fn moved(&mut self, at: Instant, lag: Duration) {
        self.reached = Some((at, lag));
    }

    fn sweep_is_due(&self) -> bool {
        self.swept.is_none_or(|(at, took)| at.elapsed() >= (took * SWEEP_SHARE).max(Duration::from_secs(1)))
    }

    fn swept(&mut self, started: Instant) {
        self.swept = Some((started, started.elapsed()));
    }
}
