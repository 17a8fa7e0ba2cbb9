//! How much a client may say.

use std::time::Duration;

use tokio::time::Instant;

/// Frames that a client may send at once after a pause. One more closes the session with 4104.
const BURST: u32 = 50;
/// At so many, the client is warned.
const WARN: u32 = 40;
/// One more frame every so often: ten a second.
const INTERVAL: Duration = Duration::from_millis(100);

/// Whether one more frame is within the rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It is.
    Within,
    /// It is, and few more would be.
    Nearly,
    /// It is not.
    Over,
}

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

    /// Counts one more frame, unless it is over.
    pub(super) fn admit(&mut self, now: Instant) -> Admission {
        let before = self.empty_at.max(now);
        let after = before + INTERVAL;
        if after > now + INTERVAL * BURST {
            return Admission::Over;
        }
        self.empty_at = after;
        let warn_at = now + INTERVAL * WARN;
        if before < warn_at && after >= warn_at { Admission::Nearly } else { Admission::Within }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_admitted_with_one_warning_and_one_more_is_not() {
        let now = Instant::now();
        let mut rate = Rate::new(now);

        let burst: Vec<Admission> = (0..BURST).map(|_| rate.admit(now)).collect();

        assert_eq!(burst.iter().position(|one| *one == Admission::Nearly), Some(39));
        assert_eq!(burst.iter().filter(|one| **one == Admission::Within).count(), 49);
        assert_eq!(rate.admit(now), Admission::Over);
        assert_eq!(rate.admit(now + INTERVAL), Admission::Within);
        assert_eq!(rate.admit(now + INTERVAL), Admission::Over);
    }

    #[test]
    fn a_long_silence_saves_up_no_more_than_a_burst() {
        let now = Instant::now();
        let mut rate = Rate::new(now);
        let later = now + Duration::from_hours(1);

        assert_eq!((0..1000).filter(|_| rate.admit(later) != Admission::Over).count(), 50);
    }
}
