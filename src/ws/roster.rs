//! Tells the database who is connected here, and hears from it which sessions have to go.
//!
//! A session is let in before the database knows of it, and whatever the database does: what began and ended is told in
//! batches, one at a time, so an idle node tells at once and a busy one many at a time. A node without news sends a sign of
//! life every second, and no session costs anything while it lasts. While the database is away, presence and the limit of
//! sessions hold for this node alone; when it is back, everything is entered anew and the limits are made good.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use eventcenter_core::id::{DeviceId, NodeId, SessionId, UserId};
use eventcenter_core::metrics::{PRESENCE_BATCH, PRESENCE_BEHIND};
use eventcenter_core::store::{Beat, Closing, Entered, Heard, Store, StoreError};
use eventcenter_core::tasks::Tasks;
use metrics::{gauge, histogram};
use tokio::sync::Notify;

/// Sessions of one person in the whole installation: browsers, tabs, devices. One more, and the oldest is closed with
/// 4105; while the database is away, the oldest on this node.
pub(super) const SESSIONS_PER_USER: usize = 20;
/// How often a node with sessions says that it lives.
const BEAT: Duration = Duration::from_secs(1);
/// After a silence of this length a node's sessions do not count.
const LIFE: Duration = Duration::from_secs(5);
/// Beginnings and ends in one statement, each. More wait for the next.
const BATCH_MAX: usize = 1000;
/// Ends that wait to be told, as many as a node has sessions. When there are more, all are forgotten and the node takes a
/// new name: the sessions under the old one then end by themselves.
const LEFT_MAX: usize = 100_000;
/// How long a failed statement waits before it is tried again.
const RETRY: Duration = Duration::from_millis(250);

/// Who is connected to this node. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub(super) struct Roster(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    state: Mutex<State>,
    wake: Notify,
}

#[derive(Debug)]
struct State {
    /// `None` while the database does not know us.
    node: Option<NodeId>,
    present: HashMap<SessionId, Present>,
    /// Those of them of which the database has not been told.
    entered: HashSet<SessionId>,
    left: Vec<(SessionId, UserId)>,
    beaten: Instant,
}

#[derive(Debug)]
struct Present {
    user: UserId,
    device: DeviceId,
    since: Instant,
}

/// What one statement tells.
struct News {
    node: NodeId,
    entered: Vec<Entered>,
    left: Vec<(SessionId, UserId)>,
}

impl Roster {
    pub(super) fn new(store: Store) -> Self {
        let state = State {
            node: None,
            present: HashMap::new(),
            entered: HashSet::new(),
            left: Vec::new(),
            beaten: Instant::now(),
        };
        Self(Arc::new(Inner { store, state: Mutex::new(state), wake: Notify::new() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A session began. Never waits.
    pub(super) fn enter(&self, session: SessionId, user: UserId, device: DeviceId) {
        let mut state = self.state();
        state.present.insert(session, Present { user, device, since: Instant::now() });
        state.entered.insert(session);
        drop(state);
        self.0.wake.notify_one();
    }

    /// A session ended. Never waits.
    pub(super) fn leave(&self, session: SessionId) {
        let mut state = self.state();
        let Some(present) = state.present.remove(&session) else { return };
        state.entered.remove(&session);
        if state.left.len() < LEFT_MAX {
            state.left.push((session, present.user));
        } else {
            state.left.clear();
            state.node = None;
        }
        drop(state);
        self.0.wake.notify_one();
    }

    /// Asks what has to be closed, if it is this node that was meant.
    pub(super) fn wake(&self, node: NodeId) {
        if self.state().node == Some(node) {
            self.0.wake.notify_one();
        }
    }

    /// Keeps the database told until the process stops. `close` is called for each session that has to go, perhaps more
    /// than once.
    pub(super) async fn keep(self, close: impl Fn(UserId, SessionId, Closing) + Send, tasks: Tasks) {
        while !tasks.is_stopping() {
            let told = self.tell(&close).await;
            self.measure();
            let pause = match told {
                Ok(Told::More) => continue,
                Ok(Told::Everything) => BEAT,
                Ok(Told::Nobody) => Duration::MAX,
                Err(error) => {
                    tracing::warn!(%error, "the database does not hear who is connected");
                    tasks.pause(RETRY).await;
                    continue;
                }
            };
            tokio::select! {
                () = self.0.wake.notified() => {}
                _ = tasks.pause(pause) => {}
            }
        }
        let node = self.state().node;
        if let Some(node) = node
            && let Err(error) = self.0.store.leave_node(node).await
        {
            tracing::debug!(%error, "the database was not told that the node stops; it will notice");
        }
    }

    /// Tells what there is, in one statement.
    async fn tell(&self, close: &impl Fn(UserId, SessionId, Closing)) -> Result<Told, StoreError> {
        if self.state().is_quiet() {
            return Ok(Told::Nobody);
        }
        let named = self.state().node;
        if named.is_none() {
            let node = NodeId::mint();
            self.0.store.enter_node(node, LIFE).await?;
            self.state().begin(node);
        }
        let Some(News { node, entered, left }) = self.state().news() else { return Ok(Told::More) };
        #[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "a batch holds 2,000")]
        histogram!(PRESENCE_BATCH).record((entered.len() + left.len()) as f64);
        let sessions_max = i32::try_from(SESSIONS_PER_USER).unwrap_or(i32::MAX);
        let beat = Beat { node, life: LIFE, sessions_max, entered, left };
        let heard = self.0.store.beat(&beat).await;
        let mut state = self.state();
        match heard {
            Ok(Heard::Close(sessions)) => {
                state.beaten = Instant::now();
                let closing: Vec<(UserId, SessionId, Closing)> = sessions
                    .into_iter()
                    .filter_map(|(session, reason)| Some((state.present.get(&session)?.user, session, reason)))
                    .collect();
                let told =
                    if state.entered.is_empty() && state.left.is_empty() { Told::Everything } else { Told::More };
                drop(state);
                for (user, session, reason) in closing {
                    close(user, session, reason);
                }
                Ok(told)
            }
            Ok(Heard::Unknown) => {
                state.node = None;
                state.take_back(beat);
                Ok(Told::More)
            }
            Err(error) => {
                state.take_back(beat);
                Err(error)
            }
        }
    }

    fn measure(&self) {
        let state = self.state();
        let behind = if state.is_quiet() { Duration::ZERO } else { state.beaten.elapsed() };
        drop(state);
        gauge!(PRESENCE_BEHIND).set(behind);
    }
}

enum Told {
    /// There may be more.
    More,
    /// The database knows everything, and waits for the next sign of life.
    Everything,
    /// Nobody is here, and nothing is to be told.
    Nobody,
}

impl State {
    fn is_quiet(&self) -> bool {
        self.present.is_empty() && self.left.is_empty()
    }

    /// Begins under a new name: everyone is to be entered.
    fn begin(&mut self, node: NodeId) {
        self.node = Some(node);
        self.entered = self.present.keys().copied().collect();
        self.beaten = Instant::now();
    }

    /// What is to be told next; `None` without a name.
    fn news(&mut self) -> Option<News> {
        let node = self.node?;
        let sessions: Vec<SessionId> = self.entered.iter().copied().take(BATCH_MAX).collect();
        for session in &sessions {
            self.entered.remove(session);
        }
        let entered = sessions.into_iter().filter_map(|session| {
            let Present { user, device, since } = self.present.get(&session)?;
            Some(Entered { session, user: *user, device: device.clone(), since: *since })
        });
        let entered = entered.collect();
        let left = self.left.split_off(self.left.len().saturating_sub(BATCH_MAX));
        Some(News { node, entered, left })
    }

    /// What was not told is to be told again: the ends also of those that have ended meanwhile.
    fn take_back(&mut self, beat: Beat) {
        for entered in beat.entered {
            if self.present.contains_key(&entered.session) {
                self.entered.insert(entered.session);
            }
        }
        self.left.extend(beat.left);
    }
}

#[cfg(test)]
mod tests;
