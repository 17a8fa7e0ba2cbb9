//! Tokens that no longer count, as this process knows them: read when somebody notifies, and once a second anyway.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use eventcenter_core::id::{DeviceId, UserId};
use eventcenter_core::metrics::REVOCATIONS;
use eventcenter_core::store::{Revocation, Store};
use eventcenter_core::tasks::Tasks;
use metrics::counter;
use tokio::sync::Notify;

/// How often we look, whether or not anybody notifies.
const LOOK: Duration = Duration::from_millis(900);
/// How far each look reaches back beyond the last: a transaction that revoked may have stayed open for so long.
const OVERLAP: Duration = Duration::from_mins(1);

/// What is known of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It was not revoked.
    Good,
    /// It was.
    Revoked,
    /// The database could not be asked since this process started.
    Unknown,
}

/// What was revoked. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub struct Revocations(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    known: RwLock<Known>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct Known {
    /// Whether the database is still to be asked for the first time.
    is_unread: bool,
    by_user: HashMap<UserId, Vec<Heard>>,
}

#[derive(Debug)]
struct Heard {
    device: Option<DeviceId>,
    not_after: i64,
    at: Instant,
}

impl Revocations {
    /// Nothing is known before [`Revocations::keep_fresh`] has asked. The default knows that there is none.
    pub fn unread() -> Self {
        let known = Known { is_unread: true, by_user: HashMap::new() };
        Self(Arc::new(Inner { known: RwLock::new(known), wake: Notify::new() }))
    }

    /// Whether a token of this person counts that was issued in the second `issued_at`. One that does not say when is
    /// older than any revocation. So is one of the very second in which was revoked, since it may be.
    pub fn standing(&self, user: UserId, device: Option<&DeviceId>, issued_at: Option<i64>) -> Standing {
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        if known.is_unread {
            return Standing::Unknown;
        }
        let is_meant = |heard: &Heard| {
            let is_this_device = heard.device.as_ref().is_none_or(|revoked| Some(revoked) == device);
            is_this_device && issued_at.is_none_or(|issued| issued <= heard.not_after)
        };
        let heard = known.by_user.get(&user);
        if heard.is_some_and(|heard| heard.iter().any(is_meant)) { Standing::Revoked } else { Standing::Good }
    }

    /// Hints that something was revoked.
    pub fn wake(&self) {
        self.0.wake.notify_one();
    }

    /// Looks for what is new until the process stops, and hands it to `changed`. What is older than `token_life`, the
    /// longest that a token may live, is forgotten.
    pub async fn keep_fresh(
        self,
        store: Store,
        token_life: Duration,
        changed: impl Fn(&[Revocation]) + Send,
        tasks: Tasks,
    ) {
        let mut last: Option<Instant> = None;
        while !tasks.is_stopping() {
            let began = Instant::now();
            let window = last.map_or(token_life, |last| last.elapsed()) + OVERLAP;
            match store.revocations(window).await {
                Ok(found) => {
                    last = Some(began);
                    let new = self.merge(found, token_life);
                    counter!(REVOCATIONS).increment(u64::try_from(new.len()).unwrap_or(u64::MAX));
                    changed(&new);
                }
                Err(error) => tracing::warn!(%error, "revocations could not be read; those known go on counting"),
            }
            tokio::select! {
                () = self.0.wake.notified() => {}
                _ = tasks.pause(LOOK) => {}
            }
        }
    }

    /// Answers what was not known.
    fn merge(&self, found: Vec<Revocation>, token_life: Duration) -> Vec<Revocation> {
        let mut known = self.0.known.write().unwrap_or_else(PoisonError::into_inner);
        known.is_unread = false;
        known.by_user.retain(|_, heard| {
            heard.retain(|one| one.at.elapsed() < token_life + OVERLAP);
            !heard.is_empty()
        });
        let new = found.into_iter().filter(|one| {
            let heard = known.by_user.entry(one.user).or_default();
            if heard.iter().any(|old| old.device == one.device && old.not_after >= one.not_after) {
                return false;
            }
            heard.retain(|old| old.device != one.device);
            heard.push(Heard { device: one.device.clone(), not_after: one.not_after, at: Instant::now() });
            true
        });
        new.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: UserId = UserId::from_row(1);
    const HOUR: Duration = Duration::from_hours(1);

    fn revoked(device: Option<&str>, not_after: i64) -> Revocation {
        Revocation { user: ANNA, device: device.and_then(DeviceId::parse), not_after }
    }

    #[test]
    fn what_was_issued_until_a_revocation_is_revoked_and_what_came_later_is_not() {
        let revocations = Revocations::default();
        revocations.merge(vec![revoked(None, 100)], HOUR);

        let standing = |issued_at| revocations.standing(ANNA, None, issued_at);
        assert_eq!([Some(99), Some(100), None].map(standing), [Standing::Revoked; 3]);
        assert_eq!(standing(Some(101)), Standing::Good);
        assert_eq!(revocations.standing(UserId::from_row(2), None, None), Standing::Good);
    }

    #[test]
    fn a_revoked_device_leaves_the_persons_others_alone() {
        let revocations = Revocations::default();
        revocations.merge(vec![revoked(Some("phone"), 100)], HOUR);

        let standing = |device| revocations.standing(ANNA, DeviceId::parse(device).as_ref(), Some(50));
        assert_eq!(standing("phone"), Standing::Revoked);
        assert_eq!(["laptop", ""].map(standing), [Standing::Good; 2]);
    }

    #[test]
    fn only_what_is_new_is_handed_on() {
        let revocations = Revocations::default();

        assert_eq!(revocations.merge(vec![revoked(None, 100)], HOUR).len(), 1);
        assert_eq!(revocations.merge(vec![revoked(None, 100), revoked(None, 90)], HOUR), []);
        assert_eq!(revocations.merge(vec![revoked(None, 101)], HOUR), [revoked(None, 101)]);
    }

    #[test]
    fn nothing_is_known_before_the_database_was_asked() {
        let revocations = Revocations::unread();

        assert_eq!(revocations.standing(ANNA, None, Some(1)), Standing::Unknown);
        revocations.merge(Vec::new(), HOUR);
        assert_eq!(revocations.standing(ANNA, None, Some(1)), Standing::Good);
    }

    #[test]
    fn what_no_token_can_be_older_than_is_forgotten() {
        let revocations = Revocations::default();
        revocations.merge(vec![revoked(None, 100)], HOUR);
        for heard in revocations.0.known.write().unwrap().by_user.values_mut().flatten() {
            heard.at = Instant::now().checked_sub(HOUR + OVERLAP).unwrap();
        }

        revocations.merge(Vec::new(), HOUR);

        assert!(revocations.0.known.read().unwrap().by_user.is_empty());
    }
}
