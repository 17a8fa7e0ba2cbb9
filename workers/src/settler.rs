//! Writes down what tries came to, in batches.

use std::array;
use std::collections::HashMap;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eventcenter_core::delivery::{Channel, Settlement, State};
use eventcenter_core::id::LeaseId;
use eventcenter_core::metrics::{DUE_TO_SETTLED, SETTLED, STALE};
use eventcenter_core::store::Store;
use eventcenter_core::tasks::Tasks;
use metrics::{counter, histogram};
use tokio::sync::{mpsc, oneshot};

use crate::leases::Leases;

/// A lease's results are written when nothing else of it is outstanding, which is the cheapest: one commit, and the lease
/// goes as a whole. Or when the first of them has waited so long: a slow send does not hold back what is finished.
const LINGER: Duration = Duration::from_millis(20);
/// Messages taken in at once, each with some results.
const INTAKE: usize = 64;
/// The longest wait after the database failed.
const BACKOFF_MAX: Duration = Duration::from_secs(2);

/// Settlers of a worker, each with leases of its own: while one commits, the other fills its batch.
const SETTLERS: usize = 2;
/// Messages that wait for one settler. Handlers wait with further ones, and so do the claims behind them: what is claimed
/// sooner than it can be settled would only be more to repeat after a crash.
const WAITING_MAX: usize = 64;

/// The way to the settlers.
#[derive(Debug)]
pub(crate) struct Results([mpsc::Sender<Done>; SETTLERS]);

impl Results {
    /// Starts the settlers. They end, with everything written, once this is gone.
    pub(crate) fn settled_by(settler: &Settler, tasks: &Tasks) -> Self {
        Self(array::from_fn(|_| {
            let (results, done) = mpsc::channel(WAITING_MAX);
            tasks.spawn(settler.clone().run(done));
            results
        }))
    }

    /// These tries of one lease are over. False when nobody takes them any more.
    pub(crate) async fn hand_in(&self, lease: LeaseId, tried: Vec<Settlement>) -> bool {
        let settler = usize::try_from(lease.get()).unwrap_or_default() % SETTLERS;
        let Some(results) = self.0.get(settler) else { return false };
        results.send(Done::Tried(lease, tried)).await.is_ok()
    }

    /// Waits until all that was handed in before has been written.
    pub(crate) async fn written(&self) {
        for results in &self.0 {
            let (answer, written) = oneshot::channel();
            if results.send(Done::Flush(answer)).await.is_ok() {
                written.await.ok();
            }
        }
    }
}

#[derive(Debug)]
enum Done {
    Tried(LeaseId, Vec<Settlement>),
    /// Answer once all that came before has been written.
    Flush(oneshot::Sender<()>),
}

#[derive(Clone)]
pub(crate) struct Settler {
    pub(crate) store: Store,
    pub(crate) channel: Channel,
    pub(crate) name: Arc<str>,
    pub(crate) leases: Arc<Leases>,
}

#[derive(Debug)]
struct Pile {
    settlements: Vec<Settlement>,
    since: Instant,
}

impl Settler {
    /// Writes until every sender is gone and everything is written.
    async fn run(self, mut done: mpsc::Receiver<Done>) {
        let mut piles: HashMap<LeaseId, Pile> = HashMap::new();
        let mut intake = Vec::with_capacity(INTAKE);
        loop {
            let linger = piles.values().map(|pile| pile.since + LINGER).min();
            let received = match linger {
                None => done.recv_many(&mut intake, INTAKE).await,
                Some(until) => match tokio::time::timeout_at(until.into(), done.recv_many(&mut intake, INTAKE)).await {
                    Ok(received) => received,
                    Err(_elapsed) => usize::MAX,
                },
            };
            for one in intake.drain(..) {
                match one {
                    Done::Tried(lease, tried) => pile_up(&mut piles, lease, tried),
                    Done::Flush(answer) => {
                        self.write(mem::take(&mut piles)).await;
                        answer.send(()).ok();
                    }
                }
            }
            if received == 0 {
                self.write(piles).await;
                return;
            }
            let ripe = piles.extract_if(|lease, pile| self.is_ripe(*lease, pile)).collect();
            self.write(ripe).await;
        }
    }

    fn is_ripe(&self, lease: LeaseId, pile: &Pile) -> bool {
        pile.settlements.len() >= self.leases.outstanding(lease) || pile.since.elapsed() >= LINGER
    }

    async fn write(&self, piles: HashMap<LeaseId, Pile>) {
        for (lease, pile) in piles {
            self.settle(lease, &pile.settlements).await;
            self.leases.finish(lease, pile.settlements.len());
        }
    }

    /// Repeats until the database has answered: a settle that happened twice says so and changes nothing.
    async fn settle(&self, lease: LeaseId, settlements: &[Settlement]) {
        let mut failures = 0_u32;
        let count = loop {
            match self.store.settle(lease, &self.name, settlements).await {
                Ok(count) => break count,
                Err(error) if error.is_transient() => {
                    failures += 1;
                    tracing::warn!(channel = %self.channel, %error, "could not settle, will repeat");
                    let pause = BACKOFF_MAX.min(Duration::from_millis(25) * (1 << failures.min(10)));
                    tokio::time::sleep(pause).await;
                }
                Err(error) => {
                    tracing::error!(channel = %self.channel, %error, "could not settle; the lease will expire");
                    return;
                }
            }
        };
        if count.stale > 0 {
            tracing::warn!(channel = %self.channel, stale = count.stale, "settled too late; these are sent again");
            counter!(STALE, "channel" => self.channel.as_str()).increment(count.stale.unsigned_abs());
        }
        self.count(settlements);
    }

    /// A metric is looked up by its labels, which takes longer than to count: once for all that share them.
    fn count(&self, settlements: &[Settlement]) {
        let channel = self.channel.as_str();
        let due_to_settled = histogram!(DUE_TO_SETTLED, "channel" => channel);
        let mut counts: HashMap<(&str, &str), u64> = HashMap::new();
        for one in settlements {
            let state = one.state();
            *counts.entry((state.as_str(), one.reason().unwrap_or("none"))).or_default() += 1;
            if state == State::Sent && one.retry_in.is_none() {
                due_to_settled.record(one.lag.as_secs_f64());
            }
        }
        for ((state, reason), count) in counts {
            counter!(SETTLED, "channel" => channel, "state" => state, "reason" => reason).increment(count);
        }
    }
}

fn pile_up(piles: &mut HashMap<LeaseId, Pile>, lease: LeaseId, tried: Vec<Settlement>) {
    let pile = piles.entry(lease).or_insert_with(|| Pile { settlements: Vec::new(), since: Instant::now() });
    pile.settlements.extend(tried);
}
