//! Claims batches ahead of the handlers, and keeps their leases alive.

use std::future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eventcenter_core::id::LeaseId;
use eventcenter_core::store::{Claim, Claimed, Floor, Load, Place, Store, StoreError};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::leases::Leases;
use crate::loader::Batch;
use crate::pace::Pace;
use crate::worker::WorkerSettings;

/// How far below the last look a claim looks, unless a backlog is being worked off: transactions that commit this much late
/// are still found at once, later ones by the next sweep.
const FLOOR_SLACK: Duration = Duration::from_secs(5);
/// How often a claim looks at everything, at the most.
const SWEEP: Duration = Duration::from_secs(2);
/// Under a held snapshot a sweep costs with the dead entries. It takes at most this part of the time: one in twenty.
const SWEEP_SHARE: u32 = 20;
/// The longest wait after the database failed.
const BACKOFF_MAX: Duration = Duration::from_secs(5);

pub(crate) struct Claimer {
    pub(crate) store: Store,
    pub(crate) settings: WorkerSettings,
    pub(crate) name: Arc<str>,
    pub(crate) leases: Arc<Leases>,
    pub(crate) wake: Arc<Notify>,
    /// Holds two batches: one waits to be loaded while the next one is claimed, so that loading finds it ready.
    pub(crate) claimed: mpsc::Sender<Batch>,
}

impl Claimer {
    /// Claims until told to stop. An error of the database is a pause, never an end.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut progress = Progress::default();
        let mut pace = Pace::new(self.settings.batch, Instant::now());
        let mut suspect = None;
        let mut failures = 0_u32;
        loop {
            if stop.run_until_cancelled(self.claimed.reserve()).await.is_none() {
                return;
            }
            let limit = pace.batch(Instant::now(), self.leases.gone());
            let (pause, awaited) = match self.claim(limit, &mut progress, &mut suspect).await {
                Ok(is_more_due) => {
                    failures = 0;
                    if is_more_due {
                        continue;
                    }
                    (self.settings.poll, suspect)
                }
                Err(error) => {
                    failures += 1;
                    tracing::warn!(channel = %self.settings.channel, %error, "could not claim");
                    (BACKOFF_MAX.min(Duration::from_millis(50) * (1 << failures.min(10))), None)
                }
            };
            let nap = tokio::time::timeout(pause, self.woken(awaited));
            if stop.run_until_cancelled(nap).await.is_none() {
                return;
            }
        }
    }

    /// Waits until something may have come due, or the next suspect's turn has come.
    async fn woken(&self, suspect: Option<LeaseId>) {
        let is_over = async {
            match suspect {
                Some(lease) => self.leases.ended(lease).await,
                None => future::pending().await,
            }
        };
        tokio::select! {
            () = self.wake.notified() => {}
            () = is_over => {}
        }
    }

    /// Claims a batch of at most `limit`; whether more may be due.
    async fn claim(
        &self,
        limit: usize,
        progress: &mut Progress,
        suspect: &mut Option<LeaseId>,
    ) -> Result<bool, StoreError> {
        let sweeps = progress.sweep_is_due();
        if sweeps || suspect.is_some() {
            self.claim_suspect(suspect).await?;
        }
        let started = Instant::now();
        let floor = if sweeps { Floor::Everything } else { progress.floor() };
        let claimed = self.claim_batch(Load::Ordinary, limit, floor).await?;
        let full = claimed.as_ref().filter(|claimed| claimed.count() == limit);
        // What was committed meanwhile may lie before a batch's end: it has not been looked for.
        let is_more_due = full.is_some() || matches!(floor, Floor::After(_));
        progress.moved(started, full);
        self.hand_over(claimed, started).await;
        if sweeps {
            progress.swept(started);
        }
        Ok(is_more_due)
    }

    /// One at a time, and before the others: a delivery that kills its worker takes no other suspect with it, and a
    /// backlog does not starve them.
    async fn claim_suspect(&self, suspect: &mut Option<LeaseId>) -> Result<(), StoreError> {
        if suspect.is_some_and(|lease| self.leases.outstanding(lease) > 0) {
            return Ok(());
        }
        let started = Instant::now();
        let claimed = self.claim_batch(Load::Quarantined, 1, Floor::Everything).await?;
        *suspect = claimed.as_ref().map(|claimed| claimed.lease);
        self.hand_over(claimed, started).await;
        Ok(())
    }

    async fn claim_batch(&self, load: Load, limit: usize, floor: Floor) -> Result<Option<Claimed>, StoreError> {
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

    async fn hand_over(&self, claimed: Option<Claimed>, asked: Instant) {
        let Some(claimed) = claimed else { return };
        self.leases.add(claimed.lease, claimed.count(), asked, self.settings.lease);
        // The loader outlives us: it takes everything that we send.
        self.claimed.send(Batch { claimed, at: Instant::now() }).await.ok();
    }
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

/// How far the claims have got.
#[derive(Debug, Default)]
struct Progress {
    /// Where the last batch ended, if it was a full one: a backlog is being worked off.
    end: Option<Place>,
    /// When the last claim was asked for.
    looked: Option<Instant>,
    /// When the last look at everything began, and how long it took.
    swept: Option<(Instant, Duration)>,
}

impl Progress {
    fn floor(&self) -> Floor {
        match (self.end, self.looked) {
            (Some(end), _) => Floor::After(end),
            (None, Some(at)) => Floor::Age(at.elapsed() + FLOOR_SLACK),
            (None, None) => Floor::Everything,
        }
    }

    fn moved(&mut self, at: Instant, full: Option<&Claimed>) {
        self.end = full.and_then(Claimed::end);
        self.looked = Some(at);
    }

    fn sweep_is_due(&self) -> bool {
        self.swept.is_none_or(|(at, took)| at.elapsed() >= (took * SWEEP_SHARE).max(SWEEP))
    }

    fn swept(&mut self, started: Instant) {
        self.swept = Some((started, started.elapsed()));
    }
}
