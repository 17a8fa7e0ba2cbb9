//! How much a client may say.

use std::time::Duration;

use tokio::time::Instant;

/// Frames that a client may send at once after a pause. One more closes the session with 1008.
const BURST: u32 = 50;
/// One more frame every so often: ten a second.
const INTERVAL: Duration = Duration::from_millis(100);

/// A leaky bucket, as one point in time: when it will have run empty (the generic cell rate algorithm).
#[derive(Debug)]
pub(super) struct Rate {
    empty_at: Instant,
}

impl Rate {
    /// An empty bucket.
    pub(super) const fn new(now: Instant) -> Self {
        Self { empty_at: now }
    }

    /// Whether one more frame is within the rate; if so it counts.
    pub(super) fn admits(&mut self, now: Instant) -> bool {
        let empty_at = self.empty_at.max(now) + INTERVAL;
        let is_within = empty_at <= now + INTERVAL * BURST;
        if is_within {
            self.empty_at = empty_at;
        }
        is_within
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_admitted_and_one_more_is_not() {
        let now = Instant::now();
        let mut rate = Rate::new(now);

        assert_eq!((0..=BURST).filter(|_| rate.admits(now)).count(), 50);
        assert!(rate.admits(now + INTERVAL));
        assert!(!rate.admits(now + INTERVAL));
    }

    #[test]
    fn a_long_silence_saves_up_no_more_than_a_burst() {
        let now = Instant::now();
        let mut rate = Rate::new(now);
        let later = now + Duration::from_hours(1);

        assert_eq!((0..1000).filter(|_| rate.admits(later)).count(), 50);
    }
}
