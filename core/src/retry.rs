//! When to try again: pure arithmetic over durations that the database measured.

use std::time::Duration;

use crate::delivery::Channel;

/// A retry schedule with full jitter: before try n+1, wait a random part of `min * 2^(n-1)`, capped by `max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The first wait's upper bound.
    pub min: Duration,
    /// The longest wait, unless the provider asks for a longer one.
    pub max: Duration,
    /// No try starts later than this after the delivery first came due, when its event never expires.
    pub life: Duration,
    /// The same when it does. Later than that nobody waits for it, and it would keep its day from being dropped.
    pub life_max: Duration,
}

impl RetryPolicy {
    /// The channel's schedule.
    pub const fn of(channel: Channel) -> Self {
        const MINUTE: u64 = 60;
        const HOUR: u64 = 60 * MINUTE;
        const DAY: Duration = Duration::from_secs(24 * HOUR);
        match channel {
            // A stream append is a row in our own database: it only fails with the database.
            Channel::Ws => {
                Self { min: Duration::from_secs(1), max: Duration::from_secs(MINUTE), life: DAY, life_max: DAY }
            }
            Channel::Push => Self {
                min: Duration::from_secs(2),
                max: Duration::from_secs(15 * MINUTE),
                life: DAY,
                // No push service keeps a message longer than that either.
                life_max: DAY.saturating_mul(28),
            },
            Channel::Email => Self {
                min: Duration::from_secs(MINUTE),
                max: Duration::from_secs(4 * HOUR),
                life: DAY.saturating_mul(2),
                life_max: DAY.saturating_mul(2),
            },
        }
    }

    /// The wait after try `attempt` (from 1), or `None` when there is no next try: it would start after the
    /// schedule's life or after the event expired.
    ///
    /// `timing` is how long ago the delivery first came due and how long its event still lives. `retry_after` is what
    /// the provider asked for: the schedule's wait begins after it, so that not everybody comes back at that moment.
    /// `jitter` is uniform in 0..1.
    pub fn next(self, attempt: u32, timing: Timing, retry_after: Option<Duration>, jitter: f64) -> Option<Duration> {
        let exponent = attempt.saturating_sub(1).min(31);
        let bound = self.min.saturating_mul(1 << exponent).min(self.max);
        let wait = retry_after.unwrap_or_default().saturating_add(bound.mul_f64(jitter.clamp(0.0, 1.0)));
        let ends_in = match timing.expires_in {
            Some(expires_in) => expires_in.min(self.life_max.saturating_sub(timing.age)),
            None => self.life.saturating_sub(timing.age),
        };
        (wait < ends_in).then_some(wait)
    }
}

/// What the database's clock said about a delivery when its message was loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// Since it first came due, or was redriven.
    pub age: Duration,
    /// Until its event expires; zero when it has, `None` when it never does.
    pub expires_in: Option<Duration>,
}

impl Timing {
    /// The same, `elapsed` later.
    #[must_use]
    pub fn after(self, elapsed: Duration) -> Self {
        Self { age: self.age + elapsed, expires_in: self.expires_in.map(|left| left.saturating_sub(elapsed)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUSH: RetryPolicy = RetryPolicy::of(Channel::Push);

    fn at(age_s: u64) -> Timing {
        Timing { age: Duration::from_secs(age_s), expires_in: None }
    }

    #[test]
    fn waits_double_up_to_the_cap() {
        let longest: Vec<u64> =
            (1..=12).filter_map(|n| PUSH.next(n, at(0), None, 1.0)).map(|wait| wait.as_secs()).collect();

        assert_eq!(longest, [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
    }

    #[test]
    fn jitter_covers_the_whole_wait() {
        assert_eq!(PUSH.next(5, at(0), None, 0.0), Some(Duration::ZERO));
        assert_eq!(PUSH.next(5, at(0), None, 0.5), Some(Duration::from_secs(16)));
    }

    #[test]
    fn the_schedule_begins_after_what_a_provider_asked_for() {
        let hour = Duration::from_hours(1);

        assert_eq!(PUSH.next(3, at(0), Some(hour), 0.0), Some(hour));
        assert_eq!(PUSH.next(3, at(0), Some(hour), 0.5), Some(hour + Duration::from_secs(4)));
    }

    #[test]
    fn no_try_starts_after_the_schedules_life() {
        assert_eq!(PUSH.next(3, at(24 * 3600), None, 0.5), None);
        assert_eq!(PUSH.next(1, at(24 * 3600 - 10), Some(Duration::from_secs(11)), 0.0), None);
    }

    #[test]
    fn an_events_own_life_replaces_the_schedules() {
        let lives_three_days = Timing { age: Duration::from_hours(48), expires_in: Some(Duration::from_hours(24)) };
        let ends_soon = Timing { age: Duration::ZERO, expires_in: Some(Duration::from_secs(1)) };

        assert!(PUSH.next(9, lives_three_days, None, 1.0).is_some());
        assert_eq!(PUSH.next(9, ends_soon, None, 1.0), None);
    }

    #[test]
    fn an_event_that_lives_for_ever_is_not_tried_for_ever() {
        let lives = |days: u64| Timing { age: Duration::from_hours(24 * days), expires_in: Some(Duration::MAX) };

        assert!(PUSH.next(9, lives(27), None, 1.0).is_some());
        assert_eq!(PUSH.next(9, lives(28), None, 1.0), None);
        assert_eq!(RetryPolicy::of(Channel::Email).next(9, lives(2), None, 1.0), None);
    }

    #[test]
    fn a_huge_attempt_number_does_not_overflow() {
        assert_eq!(PUSH.next(u32::MAX, at(0), None, 1.0), Some(Duration::from_mins(15)));
    }
}
