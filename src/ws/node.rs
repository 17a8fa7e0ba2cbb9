//! The node: everything that the sessions of this process share. Sessions never touch the database; the node's loops do it
//! for many at once, so that a storm of reconnects is a few statements and not thousands.
//!
//! - [`begin`]: says where sessions begin;
//! - [`live`]: brings what is new, and compares with the streams' heads as the floor;
//! - [`behind`]: brings what sessions missed;
//! - [`tend`]: looks at the clock, writes acknowledgements, and closes at the end.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use eventcenter_core::event::PublicId;
use eventcenter_core::id::{DeviceId, NodeId, Seq, SessionId, UserId};
use eventcenter_core::metrics::WS_SEEN;
use eventcenter_core::store::{Closing, Mark, Store, StoreError, StreamEntry};
use eventcenter_core::tasks::Tasks;
use metrics::counter;
use tokio::sync::{Notify, Semaphore};

use super::acks::Acks;
use super::end::End;
use super::frame::{Frame, Kind, StreamFrame};
use super::outbox::{Page, Rest};
use super::protocol::{How, Seen};
use super::queue::Queue;
use super::registry::{Entry, Full, Registry};
use super::resume::Resume;
use super::roster::Roster;
use super::session::{Mode, Opening, Session};
use super::wheel::Wheel;
use crate::auth::{CookieRules, Grant, TokenError, Tokens};

mod begin;
mod behind;
mod live;
mod tend;

/// Entries that one read may bring, over all its people; who has more is read again. Shared out evenly, so one person
/// alone gets a long page: as long as an outbox.
const ENTRIES_PER_READ: usize = 256;
/// People in one read; more wait for the next.
const USERS_PER_READ: usize = 64;
/// How long a failed statement waits before it is tried again.
const RETRY: Duration = Duration::from_millis(100);
/// Sockets that are opened only to be told 4001 at the same time. Further ones are refused before they are opened.
const REFUSALS_MAX: usize = 256;

/// What a node is told by its operator.
#[derive(Clone, Copy, Debug)]
pub struct NodeSettings {
    /// How often each session is pinged.
    pub ping_every: Duration,
    /// Over which time the sessions of a stopping node are to come back elsewhere.
    pub drain_time: Duration,
}

/// This process's node. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Node(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    tokens: Tokens,
    cookie: CookieRules,
    settings: NodeSettings,
    tasks: Tasks,
    resume: Resume,
    registry: Registry,
    wheel: Wheel,
    acks: Acks,
    greetings: Queue<Arc<Session>>,
    behind: Queue<Arc<Session>>,
    roster: Roster,
    woken: Mutex<HashSet<UserId>>,
    wake: Notify,
    refusals: Arc<Semaphore>,
}

impl Node {
    /// A node whose loops run until `tasks` stops; its sessions are then told to go elsewhere. Needs a tokio runtime.
    pub fn new(store: Store, tokens: Tokens, cookie: CookieRules, settings: NodeSettings, tasks: Tasks) -> Self {
        let resume = Resume::new(&tokens);
        let roster = Roster::new(store.clone());
        let node = Self(Arc::new(Inner {
            store,
            tokens,
            cookie,
            settings,
            tasks,
            resume,
            registry: Registry::new(roster.clone()),
            roster: roster.clone(),
            wheel: Wheel::default(),
            acks: Acks::default(),
            greetings: Queue::default(),
            behind: Queue::default(),
            woken: Mutex::default(),
            wake: Notify::new(),
            refusals: Arc::new(Semaphore::new(REFUSALS_MAX)),
        }));
        node.0.tasks.spawn(node.clone().begin_sessions());
        node.0.tasks.spawn(node.clone().follow_live());
        node.0.tasks.spawn(node.clone().follow_behind());
        node.0.tasks.spawn(node.clone().sweep());
        node.0.tasks.spawn(node.clone().turn_wheel());
        node.0.tasks.spawn(node.clone().write_acks());
        node.0.tasks.spawn(node.clone().drain());
        let own = node.clone();
        node.0.tasks.spawn(roster.keep(move |user, session, why| own.close(user, session, why), node.0.tasks.clone()));
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

    /// Tells every session of a person with `hello` something beside the stream: `json` is a frame with its `t` first. To
    /// whoever is not here, or is slow, it is lost.
    pub fn tell(&self, user: UserId, json: &Bytes) {
        let sessions = self.0.registry.sessions_of(user);
        if sessions.is_empty() {
            return;
        }
        let frame = Frame::text(json);
        for session in sessions {
            session.tell(&frame);
        }
    }

    /// Hints that this node has sessions to close, if that is its name.
    pub fn wake_roster(&self, id: NodeId) {
        self.0.roster.wake(id);
    }

    /// Ends the sessions of these people whose tokens no longer count.
    pub fn check_tokens(&self, users: &[UserId]) {
        users.iter().flat_map(|user| self.0.registry.sessions_of(*user)).for_each(|session| self.check_token(&session));
    }

    fn check_token(&self, session: &Session) {
        let (grant, device) = (session.grant(), session.device());
        if self.0.tokens.check(grant, Some(&device)) == Err(TokenError::Revoked) {
            session.end(End::Revoked);
        }
    }

    /// Ends a session that the database wants ended.
    fn close(&self, user: UserId, session: SessionId, why: Closing) {
        let end = match why {
            Closing::Replaced => End::Replaced,
            Closing::TooMany => End::TooManySessions,
        };
        let sessions = self.0.registry.sessions_of(user);
        sessions.iter().filter(|one| one.id == session.uuid()).for_each(|one| one.end(end));
    }

    /// How many sessions are open.
    pub fn sessions(&self) -> usize {
        self.0.registry.open()
    }

    /// A new session of whom the token speaks for.
    pub(super) fn enter(&self, grant: Grant, mode: Mode) -> Result<Entry, Full> {
        let Grant { user_id, issued_at, ends_at } = grant;
        let ping_every = self.0.settings.ping_every;
        let entry =
            self.0.registry.enter(Opening { user: user_id, mode, issued_at, token_exp: ends_at, ping_every })?;
        self.0.wheel.put(&entry.session, Duration::ZERO);
        Ok(entry)
    }

    /// Has the database asked where a session begins that has said where it is.
    pub(super) fn greet(&self, session: &Arc<Session>) {
        self.0.registry.replace(session, &session.device());
        self.0.roster.enter(SessionId::from_row(session.id), session.user, session.device());
        // Its token may have been revoked after it was checked and before the session was known.
        self.check_token(session);
        self.0.greetings.push(Arc::clone(session));
    }

    /// Reads a page for a session, if it needs one now. To be called whenever a transport has taken a batch.
    pub(super) fn look_after(&self, session: &Arc<Session>) {
        if session.asks() {
            self.0.behind.push(Arc::clone(session));
        }
    }

    /// A device has everything up to here. Written with others', soon.
    pub(super) fn acknowledge(&self, user: UserId, device: DeviceId, seq: Seq) {
        if seq > Seq(0) {
            self.0.acks.put(user, device, seq);
        }
    }

    /// A person was shown events, or read them. What was read is marked in the background, and `marks` tells all their
    /// sessions; when the database is away, it stays unread.
    pub(super) fn saw(&self, user: UserId, seen: &[Seen]) {
        let mut read = Vec::new();
        for Seen { id, how } in seen {
            let how = match how {
                How::Displayed => "displayed",
                How::Read => {
                    read.push(PublicId::parse(id));
                    "read"
                }
            };
            counter!(WS_SEEN, "how" => how).increment(1);
        }
        if !read.is_empty() {
            let node = self.clone();
            self.0.tasks.spawn(async move {
                if let Err(error) = node.0.store.mark_entries(user, Mark::Read, &read).await {
                    tracing::warn!(%error, "what a person has read stays unread");
                }
            });
        }
    }

    /// Where a person's stream ends.
    pub(super) async fn head(&self, user: UserId) -> Result<Seq, StoreError> {
        let heads = self.0.store.stream_heads(&[user]).await?;
        Ok(heads.get(&user).map_or(Seq(0), |head| head.last))
    }

    pub(super) fn store(&self) -> &Store {
        &self.0.store
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

    pub(super) fn resume(&self) -> &Resume {
        &self.0.resume
    }

    pub(super) fn refusals(&self) -> &Arc<Semaphore> {
        &self.0.refusals
    }
}

/// Encodes what was read after `after`, at most `limit` entries.
fn page(after: Seq, entries: &[StreamEntry], limit: usize, kind: impl Fn(Seq) -> Kind) -> Page {
    // An event that cannot be encoded is missing, and the sessions say so to their clients.
    let frames = entries.iter().filter_map(|entry| StreamFrame::event(entry, kind(entry.seq))).collect();
    let rest = if entries.len() < limit { Rest::Nothing } else { Rest::Maybe };
    Page { after, frames, rest }
}

/// A limit, as the database wants it.
fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
