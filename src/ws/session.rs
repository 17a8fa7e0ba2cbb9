//! One open socket: it listens, writes and catches up, side by side in one task.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use eventcenter_core::id::{Seq, UserId};
use eventcenter_core::metrics::WS_FRAMES;
use eventcenter_core::store::StreamHead;
use metrics::counter;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::Beginning;
use super::frame::{self, Frame, Kind};
use super::node::Node;
use super::outbox::{AfterIsAhead, Offered, Outbox, Page};
use super::rate::Rate;
use super::socket::{Incoming, Outgoing, Reader, Violation, Writer};

/// A client that is silent for this long, though pinged twice, is given up.
const SILENCE_MAX: Duration = Duration::from_mins(1);
/// Frames in one write; more wait for the next.
const WRITE_MAX: usize = 32;
/// Answers that may wait for a socket. Further ones are dropped: RFC 6455 §5.5.3 lets us skip pings.
const ANSWERS_MAX: usize = 8;
/// Entries that a session reads at a time for itself, at most.
const PAGE_MAX: usize = 128;
/// And at least, however large they are.
const PAGE_MIN: usize = 4;
/// How long an ending session waits for the write at hand and its close frame.
const CLOSE_MAX: Duration = Duration::from_secs(2);

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The client closed it, with this code.
    Client(u16),
    /// The client broke the protocol, or its connection broke.
    Violation(Violation),
    /// The client says too much.
    Flood,
    /// The client wants what follows a number that was never given.
    AfterIsAhead,
    /// Nothing was heard for [`SILENCE_MAX`].
    Silent,
    /// Writing failed.
    Broken,
    /// The socket took nothing for [`super::socket::STUCK`].
    Stuck,
    /// The process stops.
    Shutdown,
}

impl End {
    /// The label of `eventcenter_ws_closed_total`.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Client(_) => "client",
            Self::Violation(Violation::Gone) | Self::Silent | Self::Broken => "error",
            Self::Violation(Violation::Protocol | Violation::Binary | Violation::NotUtf8 | Violation::TooBig)
            | Self::Flood
            | Self::AfterIsAhead => "protocol",
            Self::Stuck => "slow",
            Self::Shutdown => "shutdown",
        }
    }

    /// The close frame, as `ws` documents it; nobody is left to read one after a broken connection.
    const fn close_frame(self) -> Option<Outgoing> {
        let (code, reason) = match self {
            Self::Client(code) => (code, ""),
            Self::Shutdown => (1001, "the server is going away"),
            Self::Violation(Violation::Protocol) => (1002, "not WebSocket as in RFC 6455"),
            Self::Violation(Violation::Binary) => (1003, "binary messages are not understood"),
            Self::Violation(Violation::NotUtf8) => (1007, "not UTF-8"),
            Self::Flood => (1008, "too many messages"),
            Self::Silent => (1008, "no answer to pings"),
            Self::Violation(Violation::TooBig) => (1009, "messages have at most 4096 bytes"),
            Self::AfterIsAhead => (4416, "after is beyond the end of the stream"),
            Self::Violation(Violation::Gone) | Self::Broken | Self::Stuck => return None,
        };
        Some(Outgoing::Close(code, reason))
    }
}

/// What the node and the session's own task share.
#[derive(Debug)]
pub(super) struct Session {
    /// Counts up; spreads the pings.
    pub(super) number: u64,
    /// Whose.
    pub(super) user: UserId,
    state: Mutex<State>,
    /// There is something to write.
    writable: Notify,
    /// The session may have to read for itself.
    behind: Notify,
}

#[derive(Debug)]
struct State {
    outbox: Outbox,
    answers: Vec<Outgoing>,
    end: Option<End>,
}

impl Session {
    pub(super) fn new(number: u64, user: UserId) -> Self {
        let state = State { outbox: Outbox::new(), answers: Vec::new(), end: None };
        Self { number, user, state: Mutex::new(state), writable: Notify::new(), behind: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// See [`Outbox::read_from`].
    pub(super) fn read_from(&self) -> Option<Seq> {
        self.state().outbox.read_from()
    }

    /// See [`Outbox::offer`].
    pub(super) fn offer(&self, page: &Page) -> Offered {
        let offered = self.state().outbox.offer(page);
        self.writable.notify_one();
        offered
    }

    /// See [`Outbox::misses`].
    pub(super) fn misses(&self, head: Seq) -> bool {
        self.state().outbox.misses(head)
    }

    /// Asks the client for a sign of life.
    pub(super) fn ping(&self) {
        self.answer(Outgoing::Ping);
    }

    pub(super) fn answer(&self, answer: Outgoing) {
        let mut state = self.state();
        if state.answers.len() < ANSWERS_MAX {
            state.answers.push(answer);
        }
        drop(state);
        self.writable.notify_one();
    }

    fn begin(&self, after: Option<Seq>, head: StreamHead) -> Result<(), AfterIsAhead> {
        self.state().outbox.begin(after, head)?;
        self.writable.notify_one();
        Ok(())
    }

    async fn start_page(&self) -> Seq {
        loop {
            let cursor = self.state().outbox.start_page();
            match cursor {
                Some(cursor) => return cursor,
                None => self.behind.notified().await,
            }
        }
    }

    fn take_page(&self, page: &Page) -> usize {
        let taken = self.state().outbox.take_page(page);
        self.writable.notify_one();
        self.behind.notify_one();
        taken
    }

    /// What to write next: answers before events, and the close frame last.
    fn take(&self) -> (Vec<Outgoing>, Vec<Frame>) {
        let mut state = self.state();
        let mut answers = std::mem::take(&mut state.answers);
        if let Some(end) = state.end {
            answers.extend(end.close_frame());
            return (answers, Vec::new());
        }
        let frames = state.outbox.take(WRITE_MAX);
        drop(state);
        self.behind.notify_one();
        (answers, frames)
    }

    fn end(&self, end: End) {
        self.state().end = Some(end);
        self.writable.notify_one();
    }

    fn is_ending(&self) -> bool {
        self.state().end.is_some()
    }
}

/// Serves a session until it ends, and answers why it did.
pub(super) async fn run(
    node: &Node,
    session: &Session,
    beginning: Beginning,
    reader: impl Reader,
    writer: impl Writer,
) -> End {
    let mut writing = std::pin::pin!(write(session, writer));
    let end = tokio::select! {
        written = &mut writing => {
            // The writer ends by itself only when the socket fails it.
            return written.map_or_else(|error| failed(&error), |()| End::Broken);
        }
        end = listen(session, reader) => end,
        end = catch_up(node, session, beginning) => end,
        () = node.stopping() => End::Shutdown,
    };
    session.end(end);
    // The writer may be in the middle of a frame: it, and nobody else, puts the close frame behind that.
    let closed = timeout(CLOSE_MAX, writing).await;
    tracing::trace!(user_id = session.user.get(), ?end, ?closed, "a session ended");
    end
}

fn failed(error: &io::Error) -> End {
    if error.kind() == io::ErrorKind::TimedOut { End::Stuck } else { End::Broken }
}

/// Hears the client out. Ends with the session, because no read can be taken up again after it was dropped.
async fn listen(session: &Session, mut reader: impl Reader) -> End {
    let mut rate = Rate::new(Instant::now());
    loop {
        let incoming = match timeout(SILENCE_MAX, reader.next()).await {
            Ok(Ok(incoming)) => incoming,
            Ok(Err(violation)) => return End::Violation(violation),
            Err(_) => return End::Silent,
        };
        if !rate.admits(Instant::now()) {
            return End::Flood;
        }
        match incoming {
            Incoming::Text => session.answer(Outgoing::Text(frame::UNKNOWN_FRAME)),
            Incoming::Ping(payload) => session.answer(Outgoing::Pong(payload)),
            Incoming::Fragment | Incoming::Pong => {}
            Incoming::Close(code) => return End::Client(code),
        }
    }
}

/// Reads from the database whatever the node's reader did not bring.
async fn catch_up(node: &Node, session: &Session, Beginning { after, head }: Beginning) -> End {
    let head = match head {
        Some(head) => head,
        None => node.head(session.user).await,
    };
    if session.begin(after, head) == Err(AfterIsAhead) {
        session.answer(Outgoing::Text(frame::after_is_ahead(head.last)));
        return End::AfterIsAhead;
    }
    follow(node, session, head.last).await
}

async fn follow(node: &Node, session: &Session, replay_to: Seq) -> ! {
    let kind = |seq| if seq <= replay_to { Kind::Replay } else { Kind::Live };
    let mut limit = PAGE_MAX;
    loop {
        let cursor = session.start_page().await;
        let page = node.page(session.user, cursor, limit, kind).await;
        // Large events fill the outbox early; what does not fit would be read twice.
        limit = (2 * session.take_page(&page)).clamp(PAGE_MIN, PAGE_MAX);
    }
}

/// Writes whatever there is, until the close frame is written.
async fn write(session: &Session, mut writer: impl Writer) -> io::Result<()> {
    loop {
        let is_ending = session.is_ending();
        let (mut messages, frames) = session.take();
        messages.extend(frames.iter().map(|frame| Outgoing::Text(frame.text.clone())));
        if !messages.is_empty() {
            writer.write(&messages).await?;
            count(&frames);
        }
        if is_ending {
            return Ok(());
        }
        if messages.is_empty() {
            session.writable.notified().await;
        }
    }
}

fn count(frames: &[Frame]) {
    for (kind, label) in [(Kind::Live, "live"), (Kind::Replay, "replay")] {
        let written = frames.iter().filter(|frame| frame.kind == kind).count();
        if written > 0 {
            counter!(WS_FRAMES, "kind" => label).increment(u64::try_from(written).unwrap_or(u64::MAX));
        }
    }
}

#[cfg(test)]
mod tests;
