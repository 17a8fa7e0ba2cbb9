//! Requests that wait for a person's answer. A notification wakes them; it may be lost, so they also look by themselves.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use eventcenter_core::metrics::ANSWER_WAITERS;
use metrics::gauge;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// Requests that may wait in one process, each with a connection of a client and a look every few seconds. A further
/// one is refused.
const WAITERS_MAX: usize = 1000;

/// Everyone who waits, by the name of the action. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub struct Waiters(Arc<Mutex<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    by_action: HashMap<String, Bell>,
    total: usize,
}

#[derive(Debug, Default)]
struct Bell {
    rings: Arc<Notify>,
    listeners: usize,
}

/// A place among the waiters; dropping it leaves.
#[derive(Debug)]
#[must_use = "whoever has no place is not woken"]
pub struct Waiter {
    waiters: Waiters,
    action_id: String,
    rings: Arc<Notify>,
}

impl Waiters {
    /// Nobody waits yet, and the metric says so.
    pub fn new() -> Self {
        gauge!(ANSWER_WAITERS).set(0.0);
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for an answer under this name, whoever gives it. `None` while 1,000 wait already.
    pub fn enter(&self, action_id: &str) -> Option<Waiter> {
        let mut waiting = self.lock();
        if waiting.total >= WAITERS_MAX {
            return None;
        }
        waiting.total += 1;
        gauge!(ANSWER_WAITERS).increment(1);
        let bell = waiting.by_action.entry(action_id.to_owned()).or_default();
        bell.listeners += 1;
        Some(Waiter { waiters: self.clone(), action_id: action_id.to_owned(), rings: Arc::clone(&bell.rings) })
    }

    /// Somebody has answered an action of this name.
    pub fn wake(&self, action_id: &str) {
        if let Some(bell) = self.lock().by_action.get(action_id) {
            bell.rings.notify_waiters();
        }
    }

    /// Anything may have been answered: notifications may have been lost.
    pub fn wake_all(&self) {
        self.lock().by_action.values().for_each(|bell| bell.rings.notify_waiters());
    }
}

impl Waiter {
    /// Resolves at the next answer that comes after this call.
    pub fn answered(&self) -> Notified<'_> {
        self.rings.notified()
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut waiting = self.waiters.lock();
        waiting.total -= 1;
        gauge!(ANSWER_WAITERS).decrement(1);
        if let Some(bell) = waiting.by_action.get_mut(&self.action_id) {
            bell.listeners -= 1;
            if bell.listeners == 0 {
                waiting.by_action.remove(&self.action_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn an_answer_wakes_those_who_wait_for_it_and_nobody_else() {
        let waiters = Waiters::default();
        let (mine, other) = (waiters.enter("a").unwrap(), waiters.enter("b").unwrap());
        let (mine, other) = (mine.answered(), other.answered());

        waiters.wake("a");

        assert!(mine.now_or_never().is_some());
        assert!(other.now_or_never().is_none());
    }

    #[test]
    fn the_places_are_bounded_and_given_back() {
        let waiters = Waiters::default();
        let all: Vec<Waiter> = (0..WAITERS_MAX).map(|_| waiters.enter("a").unwrap()).collect();

        assert!(waiters.enter("b").is_none());
        drop(all);
        assert!(waiters.enter("b").is_some());
        assert!(waiters.lock().by_action.is_empty());
    }
}
