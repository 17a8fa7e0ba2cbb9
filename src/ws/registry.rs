//! Who is connected to this node.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use eventcenter_core::id::UserId;
use eventcenter_core::metrics::WS_SESSIONS;
use metrics::gauge;

use super::session::Session;

/// Sessions of one person on this node: browsers, tabs, devices. A further one is refused with 429.
const SESSIONS_PER_USER: usize = 50;
/// Sessions of this node, at some ten kilobytes each. A further one is refused with 503, so that a balancer tries
/// another node.
const SESSIONS_PER_NODE: usize = 50_000;

/// Why a session cannot begin here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// The person has too many.
    User,
    /// The node has too many.
    Node,
}

/// All open sessions. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub(super) struct Registry(Arc<Mutex<Sessions>>);

#[derive(Debug, Default)]
struct Sessions {
    by_user: HashMap<UserId, Vec<Arc<Session>>>,
    open: usize,
    /// How many there ever were.
    begun: u64,
}

/// A place in the registry; dropping it leaves.
#[derive(Debug)]
#[must_use = "a session that is not in the registry is told nothing"]
pub(super) struct Entry {
    /// The session that has the place.
    pub(super) session: Arc<Session>,
    registry: Registry,
}

impl Registry {
    fn lock(&self) -> MutexGuard<'_, Sessions> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a session of this person known.
    pub(super) fn enter(&self, user: UserId) -> Result<Entry, Full> {
        let mut sessions = self.lock();
        if sessions.open >= SESSIONS_PER_NODE {
            return Err(Full::Node);
        }
        if sessions.by_user.get(&user).is_some_and(|own| own.len() >= SESSIONS_PER_USER) {
            return Err(Full::User);
        }
        sessions.open += 1;
        sessions.begun += 1;
        let session = Arc::new(Session::new(sessions.begun, user));
        sessions.by_user.entry(user).or_default().push(Arc::clone(&session));
        gauge!(WS_SESSIONS).increment(1);
        Ok(Entry { session, registry: self.clone() })
    }

    /// How many sessions are open.
    pub(super) fn open(&self) -> usize {
        self.lock().open
    }

    /// Everyone who has a session here.
    pub(super) fn users(&self) -> Vec<UserId> {
        self.lock().by_user.keys().copied().collect()
    }

    /// Those of `users` who have a session here.
    pub(super) fn connected(&self, users: &[UserId]) -> Vec<UserId> {
        let sessions = self.lock();
        users.iter().copied().filter(|user| sessions.by_user.contains_key(user)).collect()
    }

    /// The sessions of one person.
    pub(super) fn sessions_of(&self, user: UserId) -> Vec<Arc<Session>> {
        self.lock().by_user.get(&user).cloned().unwrap_or_default()
    }

    /// Every session for which `wanted` holds.
    pub(super) fn sessions(&self, wanted: impl Fn(&Session) -> bool) -> Vec<Arc<Session>> {
        let sessions = self.lock();
        sessions.by_user.values().flatten().filter(|session| wanted(session)).cloned().collect()
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut sessions = self.registry.lock();
        let user = self.session.user;
        if let Some(own) = sessions.by_user.get_mut(&user) {
            own.retain(|session| !Arc::ptr_eq(session, &self.session));
            if own.is_empty() {
                sessions.by_user.remove(&user);
            }
        }
        sessions.open -= 1;
        gauge!(WS_SESSIONS).decrement(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: UserId = UserId::from_row(1);
    const BORIS: UserId = UserId::from_row(2);

    #[test]
    fn a_dropped_entry_leaves_only_its_own_place() {
        let registry = Registry::default();
        let first = registry.enter(ANNA).unwrap();
        let second = registry.enter(ANNA).unwrap();

        drop(first);

        assert_eq!(registry.open(), 1);
        let left: Vec<u64> = registry.sessions_of(ANNA).iter().map(|session| session.number).collect();
        assert_eq!(left, [second.session.number]);
        assert_eq!(registry.connected(&[ANNA, BORIS]), [ANNA]);
    }

    #[test]
    fn one_person_cannot_take_every_place() {
        let registry = Registry::default();
        let entries: Vec<Entry> = (0..SESSIONS_PER_USER).map(|_| registry.enter(ANNA).unwrap()).collect();

        assert_eq!(registry.enter(ANNA).unwrap_err(), Full::User);
        assert!(registry.enter(BORIS).is_ok());
        drop(entries);
        assert!(registry.enter(ANNA).is_ok());
        assert_eq!(registry.open(), 0);
        assert!(registry.users().is_empty());
    }
}
