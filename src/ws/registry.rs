//! Who is connected to this node.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use eventcenter_core::id::{DeviceId, SessionId, UserId};
use eventcenter_core::metrics::WS_SESSIONS;
use metrics::gauge;
use tokio::sync::Semaphore;

use super::end::End;
use super::roster::{Roster, SESSIONS_PER_USER};
use super::session::{Opening, Session};

/// Of those, sessions that have not begun. A further one is refused with 429: a client that connects over and over must
/// not end its person's other sessions.
const HANDSHAKES_PER_USER: usize = 10;
/// Sessions of this node, at some five kilobytes each. A further one is refused with 503, so that a balancer tries
/// another node.
const SESSIONS_PER_NODE: usize = 100_000;
/// Of those, sessions that have not begun. A further one is refused with 503: whoever is under way comes first.
const HANDSHAKES_PER_NODE: usize = 4096;

/// Why a session cannot begin here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// The person has too many that have not begun.
    User,
    /// The node has too many.
    Node,
    /// The process stops.
    Stopping,
}

/// All open sessions. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub(super) struct Registry {
    sessions: Arc<Mutex<Sessions>>,
    handshakes: Arc<Semaphore>,
    roster: Roster,
}

#[derive(Debug, Default)]
struct Sessions {
    by_user: HashMap<UserId, Vec<Arc<Session>>>,
    open: usize,
    is_closed: bool,
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
    /// Nobody is here yet. Whoever leaves leaves `roster` too.
    pub(super) fn new(roster: Roster) -> Self {
        Self { sessions: Arc::default(), handshakes: Arc::new(Semaphore::new(HANDSHAKES_PER_NODE)), roster }
    }

    fn lock(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a new session known.
    pub(super) fn enter(&self, opening: Opening) -> Result<Entry, Full> {
        let mut sessions = self.lock();
        if sessions.is_closed {
            return Err(Full::Stopping);
        }
        if sessions.open >= SESSIONS_PER_NODE {
            return Err(Full::Node);
        }
        let handshake = Arc::clone(&self.handshakes).try_acquire_owned().or(Err(Full::Node))?;
        let own = sessions.by_user.entry(opening.user).or_default();
        if own.iter().filter(|session| session.is_beginning()).count() >= HANDSHAKES_PER_USER {
            return Err(Full::User);
        }
        let mut living = own.iter().filter(|session| !session.is_ending());
        if living.clone().count() >= SESSIONS_PER_USER
            && let Some(oldest) = living.next()
        {
            oldest.end(End::TooManySessions);
        }
        let session = Arc::new(Session::new(opening, Some(handshake)));
        own.push(Arc::clone(&session));
        sessions.open += 1;
        gauge!(WS_SESSIONS).increment(1);
        Ok(Entry { session, registry: self.clone() })
    }

    /// Ends the other sessions of a device that `session` is now a session of.
    pub(super) fn replace(&self, session: &Arc<Session>, device: &DeviceId) {
        let sessions = self.lock();
        let own = sessions.by_user.get(&session.user).into_iter().flatten();
        for other in own.filter(|other| !Arc::ptr_eq(other, session) && other.is_of(device)) {
            other.end(End::Replaced);
        }
    }

    /// Lets nobody in any more; whoever is here.
    pub(super) fn close(&self) -> Vec<Arc<Session>> {
        let mut sessions = self.lock();
        sessions.is_closed = true;
        sessions.by_user.values().flatten().cloned().collect()
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
        drop(sessions);
        gauge!(WS_SESSIONS).decrement(1);
        self.registry.roster.leave(SessionId::from_row(self.session.id));
    }
}

#[cfg(test)]
mod tests {
    use eventcenter_core::store::Store;

    use super::*;
    use crate::ws::session::tests::{an_opening, begin};

    const ANNA: UserId = UserId::from_row(1);
    const BORIS: UserId = UserId::from_row(2);

    fn a_registry() -> Registry {
        Registry::new(Roster::new(Store::connect("postgres://nobody@127.0.0.1:9/none", 1).unwrap()))
    }

    #[tokio::test]
    async fn a_dropped_entry_leaves_only_its_own_place() {
        let registry = a_registry();
        let first = registry.enter(an_opening(ANNA)).unwrap();
        let second = registry.enter(an_opening(ANNA)).unwrap();

        drop(first);

        assert_eq!(registry.open(), 1);
        let left: Vec<_> = registry.sessions_of(ANNA).iter().map(|session| session.id).collect();
        assert_eq!(left, [second.session.id]);
        assert_eq!(registry.connected(&[ANNA, BORIS]), [ANNA]);
    }

    #[tokio::test]
    async fn one_session_too_many_ends_the_oldest_of_the_same_person() {
        let registry = a_registry();
        let other = registry.enter(an_opening(BORIS)).unwrap();
        let enter = |_| {
            let entry = registry.enter(an_opening(ANNA)).unwrap();
            begin(&entry.session);
            entry
        };
        let entries: Vec<Entry> = (0..SESSIONS_PER_USER + 2).map(enter).collect();

        let ending: Vec<bool> = entries.iter().map(|entry| entry.session.is_ending()).collect();

        assert_eq!(ending.iter().filter(|is_ending| **is_ending).count(), 2);
        assert_eq!(ending[..2], [true, true]);
        assert!(!other.session.is_ending());
    }

    #[tokio::test]
    async fn a_person_who_only_connects_and_never_begins_is_refused() {
        let registry = a_registry();
        let _entries: Vec<Entry> =
            (0..HANDSHAKES_PER_USER).map(|_| registry.enter(an_opening(ANNA)).unwrap()).collect();

        assert_eq!(registry.enter(an_opening(ANNA)).unwrap_err(), Full::User);
        assert!(registry.enter(an_opening(BORIS)).is_ok());
    }

    #[tokio::test]
    async fn a_node_that_is_closed_lets_nobody_in() {
        let registry = a_registry();
        let _entry = registry.enter(an_opening(ANNA)).unwrap();

        assert_eq!(registry.close().len(), 1);

        assert_eq!(registry.enter(an_opening(BORIS)).unwrap_err(), Full::Stopping);
    }
}
