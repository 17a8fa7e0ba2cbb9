//! The leases that a worker holds: how much of each is outstanding, and until when it may be trusted.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use eventcenter_core::id::LeaseId;
use tokio::sync::Notify;

/// A send must not begin when the lease ends sooner than this: it would be rescued, and sent again, meanwhile.
const MARGIN: Duration = Duration::from_secs(5);

/// Shared by the claimer, which adds, the handlers, which ask, and the settler, which takes away.
#[derive(Debug, Default)]
pub(crate) struct Leases {
    held: Mutex<HashMap<LeaseId, Held>>,
    /// Deliveries that were settled or given back so far.
    gone: AtomicUsize,
    /// Said whenever nothing of some lease is outstanding any more.
    ended: Notify,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    outstanding: usize,
    valid_until: Instant,
}

impl Leases {
    /// A new lease of `outstanding` deliveries, asked for at `asked`: its time counts from before the claim was sent.
    pub(crate) fn add(&self, lease: LeaseId, outstanding: usize, asked: Instant, lasts: Duration) {
        self.lock().insert(lease, Held { outstanding, valid_until: asked + lasts });
    }

    /// Whether a send under this lease may still begin.
    pub(crate) fn is_live(&self, lease: LeaseId) -> bool {
        self.lock().get(&lease).is_some_and(|held| Instant::now() + MARGIN < held.valid_until)
    }

    /// How many deliveries of the lease are outstanding.
    pub(crate) fn outstanding(&self, lease: LeaseId) -> usize {
        self.lock().get(&lease).map_or(0, |held| held.outstanding)
    }

    /// Waits until nothing of the lease is outstanding.
    pub(crate) async fn ended(&self, lease: LeaseId) {
        loop {
            // It hears what is said from here on, so that nothing is missed between the look and the wait.
            let ended = self.ended.notified();
            if self.outstanding(lease) == 0 {
                return;
            }
            ended.await;
        }
    }

    /// How many deliveries were settled or given back so far.
    pub(crate) fn gone(&self) -> usize {
        self.gone.load(Ordering::Relaxed)
    }

    /// Takes away what was settled or given back.
    pub(crate) fn finish(&self, lease: LeaseId, count: usize) {
        self.gone.fetch_add(count, Ordering::Relaxed);
        let mut leases = self.lock();
        if let Some(held) = leases.get_mut(&lease) {
            held.outstanding = held.outstanding.saturating_sub(count);
            if held.outstanding == 0 {
                leases.remove(&lease);
                self.ended.notify_waiters();
            }
        }
    }

    /// Every lease that should be renewed.
    pub(crate) fn all(&self) -> Vec<LeaseId> {
        self.lock().keys().copied().collect()
    }

    /// Of the leases `asked_for` at `asked`, these were `renewed`; the others are lost.
    pub(crate) fn renewed(&self, asked_for: &[LeaseId], renewed: &[LeaseId], asked: Instant, lasts: Duration) {
        let mut leases = self.lock();
        for lease in asked_for {
            if !renewed.contains(lease) {
                leases.remove(lease);
                self.ended.notify_waiters();
            } else if let Some(held) = leases.get_mut(lease) {
                held.valid_until = asked + lasts;
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<LeaseId, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: LeaseId = LeaseId::from_row(7);

    #[test]
    fn no_send_begins_shortly_before_the_lease_ends() {
        let leases = Leases::default();

        leases.add(LEASE, 1, Instant::now(), Duration::from_secs(30));
        assert!(leases.is_live(LEASE));

        leases.add(LEASE, 1, Instant::now(), MARGIN);
        assert!(!leases.is_live(LEASE));
    }

    #[test]
    fn a_lease_that_could_not_be_renewed_is_lost() {
        let leases = Leases::default();
        leases.add(LEASE, 3, Instant::now(), Duration::from_secs(30));

        leases.renewed(&[LEASE], &[], Instant::now(), Duration::from_secs(30));

        assert!(!leases.is_live(LEASE));
    }

    #[test]
    fn a_finished_lease_is_forgotten() {
        let leases = Leases::default();
        leases.add(LEASE, 3, Instant::now(), Duration::from_secs(30));

        leases.finish(LEASE, 2);
        assert_eq!(leases.outstanding(LEASE), 1);

        leases.finish(LEASE, 1);
        assert!(leases.all().is_empty());
        assert_eq!(leases.gone(), 3);
    }
}
