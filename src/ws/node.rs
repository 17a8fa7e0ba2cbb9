//! The node: brings what is new to the sessions that this process holds.
//!
//! It reads streams in batches, one at a time. Whoever is woken while a read is in flight waits for the next, so an
//! idle node adds no wait and a busy one reads many people at once.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use eventcenter_core::id::{Seq, UserId};
use eventcenter_core::store::{Store, StoreError, StreamEntry, StreamHead};
use eventcenter_core::tasks::Tasks;
use tokio::sync::{Notify, Semaphore};

use super::frame::{Frame, Kind};
use super::outbox::{Offered, Page, Rest};
use super::registry::{Entry, Full, Registry};
use super::session::Session;
use super::socket::Outgoing;
use crate::auth::{CookieRules, Tokens};

/// People in one read; more wait for the next.
const USERS_PER_READ: usize = 64;
/// Entries that one read may bring, over all its people; who has more is read again at once. Shared out evenly, so one
/// person alone gets a long page: as long as an outbox.
const ENTRIES_PER_READ: usize = 256;
/// Sessions that read for themselves at the same time; others wait in line, so that a storm of reconnects leaves
/// connections of the pool to everyone else.
const TURNS: usize = 4;
/// Streams whose heads are looked up in one statement.
const HEADS_PER_READ: usize = 1000;
/// Every stream is compared with its head this often: what a lost notification costs at most.
const SWEEP: Duration = Duration::from_secs(1);
/// Each session is pinged once in so many seconds, each second a share of them: below the usual idle timeouts of
/// proxies, which are 30 seconds and more.
const PING_EVERY_S: u64 = 25;
/// How long a failed read waits before it is tried again.
const RETRY: Duration = Duration::from_millis(100);

/// This process's WebSocket node. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Node(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    tokens: Tokens,
    cookie: CookieRules,
    tasks: Tasks,
    registry: Registry,
    woken: Mutex<HashSet<UserId>>,
    wake: Notify,
    turns: Semaphore,
}

impl Node {
    /// A node whose tasks run until `tasks` stops; its sessions are then told to go elsewhere. Needs a tokio runtime.
    pub fn new(store: Store, tokens: Tokens, cookie: CookieRules, tasks: Tasks) -> Self {
        let node = Self(Arc::new(Inner {
            store,
            tokens,
            cookie,
            tasks,
            registry: Registry::default(),
            woken: Mutex::default(),
            wake: Notify::new(),
            turns: Semaphore::new(TURNS),
        }));
        node.0.tasks.spawn(node.clone().read());
        node.0.tasks.spawn(node.clone().sweep());
        node.0.tasks.spawn(node.clone().ping());
        node
    }

    /// Hints that these people's streams grew. Never waits; people without a session here cost a look.
    pub fn wake(&self, users: &[UserId]) {
        self.0.woken.lock().unwrap_or_else(PoisonError::into_inner).extend(self.0.registry.connected(users));
        self.0.wake.notify_one();
    }

    /// Hints that any stream may have grown: notifications may have been lost, or were too many to name people.
    pub fn wake_all(&self) {
        self.wake(&self.0.registry.users());
    }

    /// Tells all sessions of this person what they did in one of them: `frame` as it is. Only a hint: a session that has
    /// too much to say already is spared it.
    pub fn marks(&self, user: UserId, frame: &str) {
        let text = Bytes::copy_from_slice(frame.as_bytes());
        for session in self.0.registry.sessions_of(user) {
            session.answer(Outgoing::Text(text.clone()));
        }
    }

    /// How many sessions are open.
    pub fn sessions(&self) -> usize {
        self.0.registry.open()
    }

    pub(super) fn enter(&self, user: UserId) -> Result<Entry, Full> {
        self.0.registry.enter(user)
    }

    pub(super) fn tokens(&self) -> &Tokens {
        &self.0.tokens
    }

    pub(super) fn cookie(&self) -> &CookieRules {
        &self.0.cookie
    }

    pub(super) fn tasks(&self) -> &Tasks {
        &self.0.tasks
    }

    pub(super) async fn stopping(&self) {
        self.0.tasks.stopping().await;
    }

    /// Where a person's stream stands. Asks until the database answers.
    pub(super) async fn head(&self, user: UserId) -> StreamHead {
        // Keeps its turn while it waits to try again: when the database is away, few ask.
        let _turn = self.0.turns.acquire().await;
        loop {
            match Box::pin(self.0.store.stream_heads(&[user])).await {
                Ok(heads) => return heads.get(&user).copied().unwrap_or_default(),
                Err(error) => self.wait_after(&error).await,
            }
        }
    }

    /// At most `limit` entries that follow `cursor`, for a session that reads for itself. Those that `kind` calls so are
    /// replay. Asks until the database answers.
    pub(super) async fn page(&self, user: UserId, cursor: Seq, limit: usize, kind: impl Fn(Seq) -> Kind) -> Page {
        let max = i64::try_from(limit).unwrap_or(i64::MAX);
        let _turn = self.0.turns.acquire().await;
        loop {
            // Boxed, so that a session that does not read is not as large as one that does.
            match Box::pin(self.0.store.read_streams(&[(user, cursor)], max)).await {
                Ok(streams) => return page(cursor, streams.get(&user).map_or(&[], Vec::as_slice), limit, kind),
                Err(error) => self.wait_after(&error).await,
            }
        }
    }

    async fn wait_after(&self, error: &StoreError) {
        tracing::warn!(%error, "a session cannot read its stream");
        self.0.tasks.pause(RETRY).await;
    }

    async fn read(self) {
        loop {
            tokio::select! {
                () = self.0.wake.notified() => {}
                () = self.stopping() => return,
            }
            while let Some(users) = self.take_woken() {
                if let Err(error) = self.read_for(&users).await {
                    tracing::warn!(%error, users = users.len(), "the node cannot read streams");
                    self.wake(&users);
                    if self.0.tasks.pause(RETRY).await {
                        return;
                    }
                }
            }
        }
    }

    fn take_woken(&self) -> Option<Vec<UserId>> {
        let mut woken = self.0.woken.lock().unwrap_or_else(PoisonError::into_inner);
        let users: Vec<UserId> = woken.iter().copied().take(USERS_PER_READ).collect();
        for user in &users {
            woken.remove(user);
        }
        (!users.is_empty()).then_some(users)
    }

    async fn read_for(&self, users: &[UserId]) -> Result<(), StoreError> {
        let audience: Vec<(UserId, Seq, Vec<Arc<Session>>)> = users
            .iter()
            .filter_map(|user| {
                let sessions = self.0.registry.sessions_of(*user);
                let cursors = sessions.iter().filter_map(|session| session.read_from());
                // min() asks every session, which those that read for themselves must hear.
                Some((*user, cursors.min()?, sessions))
            })
            .collect();
        if audience.is_empty() {
            return Ok(());
        }
        let limit = ENTRIES_PER_READ / audience.len();
        let readers: Vec<(UserId, Seq)> = audience.iter().map(|(user, cursor, _)| (*user, *cursor)).collect();
        let streams = self.0.store.read_streams(&readers, i64::try_from(limit).unwrap_or(i64::MAX)).await?;
        for (user, cursor, sessions) in audience {
            let Some(entries) = streams.get(&user) else { continue };
            let page = page(cursor, entries, limit, |_| Kind::Live);
            let offered: Vec<Offered> = sessions.iter().map(|session| session.offer(&page)).collect();
            if page.rest == Rest::Maybe || offered.contains(&Offered::Again) {
                self.wake(&[user]);
            }
        }
        Ok(())
    }

    async fn sweep(self) {
        // Nodes that started together do not look together for ever.
        while !self.0.tasks.pause(SWEEP.mul_f64(0.8 + 0.2 * chance())).await {
            for users in self.0.registry.users().chunks(HEADS_PER_READ) {
                match self.0.store.stream_heads(users).await {
                    Ok(heads) => {
                        let misses = |(user, head): &(&UserId, &StreamHead)| {
                            self.0.registry.sessions_of(**user).iter().any(|session| session.misses(head.last))
                        };
                        let missing: Vec<UserId> = heads.iter().filter(misses).map(|(user, _)| *user).collect();
                        self.wake(&missing);
                    }
                    Err(error) => tracing::warn!(%error, "the node cannot compare streams with their heads"),
                }
            }
        }
    }

    async fn ping(self) {
        let mut second = 0;
        while !self.0.tasks.pause(Duration::from_secs(1)).await {
            second = (second + 1) % PING_EVERY_S;
            for session in self.0.registry.sessions(|session| session.number % PING_EVERY_S == second) {
                session.ping();
            }
        }
    }
}

fn page(after: Seq, entries: &[StreamEntry], limit: usize, kind: impl Fn(Seq) -> Kind) -> Page {
    let encode = |entry: &StreamEntry| match Frame::event(entry, kind(entry.seq)) {
        Ok(frame) => Some(frame),
        Err(error) => {
            // Then its number is missing, and the sessions say so to their clients.
            tracing::error!(%error, event_id = %entry.event.id, "an event cannot be encoded");
            None
        }
    };
    let rest = if entries.len() < limit { Rest::Nothing } else { Rest::Maybe };
    Page { after, frames: entries.iter().filter_map(encode).collect(), rest }
}

/// From 0 to 1. The hasher's keys are random, which is enough to spread clocks.
fn chance() -> f64 {
    let [.., low, high] = RandomState::new().hash_one(()).to_be_bytes();
    f64::from(u16::from_be_bytes([high, low])) / f64::from(u16::MAX)
}
