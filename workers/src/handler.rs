//! Sends a handful of deliveries at once, and hands in what each came to.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use eventcenter_core::delivery::{Channel, Fault, Message, Outcome, Report, Ruling, Settlement, Skip, Try};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::mpsc;

use crate::Deliver;
use crate::backend::Handful;
use crate::findings::Found;
use crate::leases::Leases;
use crate::loader::Job;
use crate::settler::Results;

/// What an apalis task runs.
pub(crate) struct Handler {
    pub(crate) channel: Channel,
    pub(crate) deliver: Arc<dyn Deliver>,
    pub(crate) leases: Arc<Leases>,
    pub(crate) results: Results,
    pub(crate) found: mpsc::Sender<Found>,
}

impl Handler {
    /// Sends all of them at once. Each is handed in, and its slot freed, as soon as it is over: a slow one holds up none
    /// of the others.
    pub(crate) async fn handle(&self, handful: Handful) {
        let Handful { lease, jobs, mut slots } = handful;
        if !self.leases.is_live(lease) {
            tracing::warn!(count = jobs.len(), "a lease ended before its turn came; left to rescue");
            self.leases.finish(lease, jobs.len());
            return;
        }
        let sending: FuturesUnordered<_> = jobs.iter().map(|job| self.send(job)).collect();
        let mut finished = sending.ready_chunks(jobs.len().max(1));
        while let Some(tried) = finished.next().await {
            let count = tried.len();
            if !self.results.hand_in(lease, tried).await {
                tracing::error!("nobody takes results; the lease will expire");
            }
            drop(slots.split(count));
        }
    }

    /// Whatever a try comes to, a panic included, becomes a settlement.
    async fn send(&self, job: &Job) -> Settlement {
        let message = &job.message;
        let report = match unsent(job) {
            Some(outcome) => Try::overall(outcome).into(),
            None => AssertUnwindSafe(async { self.deliver.deliver(message).await })
                .catch_unwind()
                .await
                .unwrap_or_else(|_panic| crashed(message)),
        };
        if let Some(found) = Found::of(&report, &message.contact) {
            // It takes them until every handler is gone.
            self.found.send(found).await.ok();
        }
        report.settle(message, self.channel, job.claimed_at.elapsed(), rand::random())
    }
}

/// Why it need not be sent any more.
fn unsent(job: &Job) -> Option<Outcome> {
    let left = job.message.timing.after(job.claimed_at.elapsed()).expires_in;
    let is_late = left.is_some_and(|left| left.is_zero());
    match job.message.ruling {
        Ruling::Cancel => Some(Outcome::Canceled),
        Ruling::Send | Ruling::Skip(_) | Ruling::Hold(_) if is_late => Some(Outcome::Skipped(Skip::Expired)),
        Ruling::Skip(reason) => Some(Outcome::Skipped(reason)),
        // What is held never comes as far as here.
        Ruling::Send | Ruling::Hold(_) => None,
    }
}

/// The panic's own message has been printed where it happened.
fn crashed(message: &Message) -> Report {
    tracing::error!(event.id = %message.event.id, "a channel crashed; the delivery is tried again");
    Try::overall(Outcome::Retry { fault: Fault::Crashed, after: None }).into()
}
