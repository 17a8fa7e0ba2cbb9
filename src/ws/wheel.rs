//! One timing wheel for all sessions: what a timer of its own would cost each of them, they share.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use super::session::Session;

/// Seconds of one turn. Whoever wants to be looked at later is looked at then.
const SLOTS: usize = 64;

/// Sessions by the second in which they are looked at next.
#[derive(Debug)]
pub(super) struct Wheel(Mutex<Slots>);

#[derive(Debug)]
struct Slots {
    /// Weak, so that an ended session leaves at once what it holds; its shell goes when its second comes.
    ring: [Vec<Weak<Session>>; SLOTS],
    now: usize,
}

impl Default for Wheel {
    fn default() -> Self {
        Self(Mutex::new(Slots { ring: [const { Vec::new() }; SLOTS], now: 0 }))
    }
}

impl Wheel {
    /// Has a session looked at after some time: in the next second at the earliest, after a turn at the latest.
    pub(super) fn put(&self, session: &Arc<Session>, after: Duration) {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seconds = usize::try_from(after.as_secs()).unwrap_or(SLOTS).clamp(1, SLOTS - 1);
        let slot = (slots.now + seconds) % SLOTS;
        if let Some(slot) = slots.ring.get_mut(slot) {
            slot.push(Arc::downgrade(session));
        }
    }

    /// A second has passed: whoever is to be looked at now.
    pub(super) fn turn(&self) -> Vec<Weak<Session>> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slots.now = (slots.now + 1) % SLOTS;
        let now = slots.now;
        slots.ring.get_mut(now).map(std::mem::take).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ws::session::tests::a_session;

    fn turns_until_seen(after: Duration) -> Option<usize> {
        let (wheel, session) = (Wheel::default(), a_session());
        wheel.put(&session, after);
        (1..=SLOTS).find(|_| wheel.turn().iter().any(|seen| seen.upgrade().is_some()))
    }

    #[test]
    fn a_session_is_seen_in_its_second_and_only_then() {
        assert_eq!(turns_until_seen(Duration::from_secs(5)), Some(5));
        assert_eq!(turns_until_seen(Duration::ZERO), Some(1));
        assert_eq!(turns_until_seen(Duration::from_hours(1)), Some(SLOTS - 1));
    }

    #[test]
    fn a_session_that_is_gone_is_not_kept() {
        let (wheel, session) = (Wheel::default(), a_session());
        wheel.put(&session, Duration::from_secs(1));
        drop(session);

        assert!(wheel.turn().iter().all(|seen| seen.upgrade().is_none()));
    }
}
