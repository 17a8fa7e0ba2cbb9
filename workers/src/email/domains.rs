//! Domains that asked for patience. Each is slowed down alone; all others go on at full speed.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long a domain is left alone after it asked for patience.
const REST: Duration = Duration::from_secs(15);
/// From mail to mail of a slowed domain: it doubles each time that the domain asks again, and halves with every mail
/// that gets through. Below the first the domain is at full speed.
const SPACING_MIN: Duration = Duration::from_millis(250);
const SPACING_MAX: Duration = Duration::from_mins(1);
/// Longest wait that a mail is given, so that a misjudged domain gets all its mail within hours.
const WAIT_MAX: Duration = Duration::from_hours(1);
/// Domains remembered. A further one is not slowed until one of these is back at full speed.
const DOMAINS_MAX: usize = 1024;

/// The slowed domains of this process.
#[derive(Debug, Default)]
pub(super) struct Domains(Mutex<HashMap<String, Slowed>>);

#[derive(Clone, Copy, Debug)]
struct Slowed {
    /// When the next mail may go.
    next: Instant,
    spacing: Duration,
    /// Mails sent away since, less those that came again and went: who is sent away now queues behind them.
    queued: u32,
}

impl Domains {
    /// Lets a mail to this domain go, or says how long it has to wait.
    pub(super) fn admit(&self, domain: &str, now: Instant) -> Result<(), Duration> {
        let mut domains = self.lock();
        let Some(slowed) = domains.get_mut(domain) else { return Ok(()) };
        if slowed.next <= now {
            slowed.next = now + slowed.spacing;
            slowed.queued = slowed.queued.saturating_sub(1);
            return Ok(());
        }
        slowed.queued = slowed.queued.saturating_add(1);
        let wait = slowed.next.duration_since(now) + slowed.spacing.saturating_mul(slowed.queued);
        Err(wait.min(WAIT_MAX))
    }

    /// The domain asked for patience. What was under way at the same time counts once.
    pub(super) fn slow(&self, domain: &str, now: Instant) {
        let mut domains = self.lock();
        if let Some(slowed) = domains.get_mut(domain) {
            if slowed.next <= now + slowed.spacing {
                slowed.spacing = slowed.spacing.saturating_mul(2).min(SPACING_MAX);
                slowed.next = now + REST.max(slowed.spacing);
            }
        } else if domains.len() < DOMAINS_MAX {
            domains.insert(domain.to_owned(), Slowed { next: now + REST, spacing: SPACING_MIN, queued: 0 });
        }
    }

    /// The domain took a mail.
    pub(super) fn ease(&self, domain: &str) {
        let mut domains = self.lock();
        if let Some(slowed) = domains.get_mut(domain) {
            slowed.spacing /= 2;
            if slowed.spacing < SPACING_MIN {
                domains.remove(domain);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Slowed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_that_asks_for_patience_waits_alone() {
        let domains = Domains::default();
        let now = Instant::now();

        domains.slow("slow.example", now);

        assert_eq!(domains.admit("slow.example", now), Err(REST + SPACING_MIN));
        assert_eq!(
            domains.admit("slow.example", now),
            Err(REST + SPACING_MIN * 2),
            "the second queues behind the first"
        );
        assert_eq!(domains.admit("other.example", now), Ok(()));
        assert_eq!(domains.admit("slow.example", now + REST), Ok(()));
        assert!(domains.admit("slow.example", now + REST).is_err(), "one mail goes at a time");
    }

    #[test]
    fn who_asks_again_waits_longer_and_who_takes_mail_less() {
        let domains = Domains::default();
        let spacing = || domains.lock().get("slow.example").map(|slowed| slowed.spacing);
        let mut now = Instant::now();
        for _ in 0..20 {
            domains.slow("slow.example", now);
            now += REST + SPACING_MAX;
        }
        assert_eq!(spacing(), Some(SPACING_MAX));

        domains.ease("slow.example");
        assert_eq!(spacing(), Some(SPACING_MAX / 2));
        for _ in 0..20 {
            domains.ease("slow.example");
        }
        assert_eq!(domains.admit("slow.example", now), Ok(()));
        assert_eq!(spacing(), None);
    }

    #[test]
    fn a_burst_of_refusals_counts_once() {
        let domains = Domains::default();
        let now = Instant::now();

        for _ in 0..4 {
            domains.slow("slow.example", now);
        }

        assert_eq!(domains.admit("slow.example", now), Err(REST + SPACING_MIN));
    }

    #[test]
    fn only_so_many_domains_are_remembered() {
        let domains = Domains::default();
        for n in 0..=DOMAINS_MAX {
            domains.slow(&format!("{n}.example"), Instant::now());
        }

        assert_eq!(domains.lock().len(), DOMAINS_MAX);
    }
}
