//! Loads what was claimed, a batch ahead of what is waiting to start.

use std::sync::Arc;
use std::time::{Duration, Instant};

use eventcenter_core::delivery::{Channel, Message, Ruling};
use eventcenter_core::id::{EventId, LeaseId};
use eventcenter_core::metrics::HELD;
use eventcenter_core::store::{Claimed, Store};
use jiff::Timestamp;
use metrics::counter;
use tokio::sync::mpsc;

use crate::leases::Leases;

/// The longest wait after loading failed: the claimer waits with us.
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// How often giving back is tried: a connection that was cut fails once.
const RETURN_TRIES: u32 = 3;

/// A claimed delivery on its way to a handler.
#[derive(Debug)]
pub(crate) struct Job {
    /// What to send.
    pub message: Message,
    /// When the database's measurements in it were taken.
    pub claimed_at: Instant,
}

/// A batch on its way from the claimer.
#[derive(Debug)]
pub(crate) struct Batch {
    pub claimed: Claimed,
    pub at: Instant,
}

pub(crate) struct Loader {
    pub(crate) store: Store,
    pub(crate) channel: Channel,
    pub(crate) leases: Arc<Leases>,
    pub(crate) returns: Returns,
    /// Holds one batch.
    pub(crate) loaded: mpsc::Sender<Vec<Job>>,
}

impl Loader {
    /// Loads until the claimer is gone. What comes when the worker has closed is given back.
    pub(crate) async fn run(self, mut claimed: mpsc::Receiver<Batch>) {
        let mut failures = 0_u32;
        loop {
            // Room first, so that no more is held than one batch that is loaded and two that are claimed.
            let room = self.loaded.reserve().await;
            let Some(Batch { claimed, at }) = claimed.recv().await else { return };
            let Ok(room) = room else {
                self.returns.give_back(claimed.lease, &claimed.ids()).await;
                continue;
            };
            match self.store.load(&claimed).await {
                Ok(messages) => {
                    failures = 0;
                    self.leases.finish(claimed.lease, claimed.count().saturating_sub(messages.len()));
                    let (mut jobs, mut held) = (Vec::with_capacity(messages.len()), Vec::new());
                    for message in messages {
                        match message.ruling {
                            Ruling::Hold(until) => held.push((message.event.id, until)),
                            Ruling::Send | Ruling::Skip(_) | Ruling::Cancel => {
                                jobs.push(Job { message, claimed_at: at });
                            }
                        }
                    }
                    room.send(jobs);
                    self.hold(claimed.lease, &held).await;
                }
                Err(error) => {
                    failures += 1;
                    tracing::warn!(%error, "could not load deliveries; they are given back");
                    self.returns.give_back(claimed.lease, &claimed.ids()).await;
                    let pause = BACKOFF_MAX.min(Duration::from_millis(50) * (1 << failures.min(10)));
                    tokio::time::timeout(pause, self.loaded.closed()).await.ok();
                }
            }
        }
    }

    /// What has met quiet hours goes back until they end.
    async fn hold(&self, lease: LeaseId, held: &[(EventId, Timestamp)]) {
        if held.is_empty() {
            return;
        }
        match self.store.hold(lease, &self.returns.name, held).await {
            Ok(count) => counter!(HELD, "channel" => self.channel.as_str()).increment(count.unsigned_abs()),
            Err(error) => tracing::warn!(%error, "could not hold deliveries; their lease will expire"),
        }
        self.leases.finish(lease, held.len());
    }
}

/// How what was claimed and not started goes back.
#[derive(Clone, Debug)]
pub(crate) struct Returns {
    pub(crate) store: Store,
    pub(crate) name: Arc<str>,
    pub(crate) leases: Arc<Leases>,
}

impl Returns {
    /// Gives deliveries back. If that fails, their lease expires.
    pub(crate) async fn give_back(&self, lease: LeaseId, ids: &[EventId]) {
        if ids.is_empty() {
            return;
        }
        for _ in 0..RETURN_TRIES {
            match self.store.release(lease, &self.name, ids).await {
                Ok(_) => break,
                Err(error) => tracing::warn!(%error, "could not give deliveries back; else their lease will expire"),
            }
        }
        self.leases.finish(lease, ids.len());
    }
}
