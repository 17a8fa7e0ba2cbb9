//! One open session: a state that its transport sends from and hears into, the same for every transport.
//!
//! A transport calls [`Session::next`] and sends what that answers, in order, until there is an end; it asks
//! [`Session::admit`] for every frame that comes in, and gives texts to [`hear()`].

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use eventcenter_core::id::{DeviceId, Epoch, Seq, UserId};
use eventcenter_core::metrics::{WS_ERRORS, WS_FRAMES};
use metrics::counter;
use tokio::sync::{Notify, OwnedSemaphorePermit};
use tokio::time::Instant;
use uuid::Uuid;

use super::beginning::Beginning;
use super::end::End;
use super::frame::{ErrorCode, Frame, Kind, ServerFrame, StreamFrame};
use super::outbox::Outbox;
use super::rate::{Admission, Rate};
use super::resume::{Position, Resume};
use super::vitals::Vitals;

mod begin;
mod clock;
mod follow;
mod hear;
mod standing;

pub(super) use hear::hear;
pub(super) use standing::Opening;

/// Events in one batch for the transport; more wait for the next.
const BATCH_MAX: usize = 64;
/// Answers that may wait for the transport. Further ones are dropped: whoever asks so much reads too little.
const ANSWERS_MAX: usize = 32;
/// Texts of other sessions that may wait. One more, and all are replaced by [`READ_AGAIN`].
const TOLD_MAX: usize = 32;
/// Too many to name: the client reads the inbox.
const READ_AGAIN: &[u8] = br#"{"t":"marks","op":"read","ids":null,"up_to_seq":null,"until":null}"#;

/// How a client follows the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Events alone, from where the URL says.
    Plain,
    /// The whole protocol, after a `hello`.
    Full,
}

/// What the node and a session's transport share.
#[derive(Debug)]
pub(super) struct Session {
    /// Its name.
    pub(super) id: Uuid,
    /// Whose.
    pub(super) user: UserId,
    /// How it follows.
    pub(super) mode: Mode,
    device: OnceLock<DeviceId>,
    state: Mutex<State>,
    /// There is something to send.
    changed: Notify,
}

#[derive(Debug)]
struct State {
    stage: Stage,
    outbox: Outbox,
    answers: Vec<Frame>,
    told: Vec<Frame>,
    /// Everything up to here was given to the transport.
    sent: Seq,
    /// Replayed events so far; `None` once the client knows that the replay is done.
    replayed: Option<u64>,
    vitals: Vitals,
    /// When its token was issued.
    issued_at: Option<i64>,
    rate: Rate,
    end: Option<End>,
    /// Its place among those that have not begun.
    handshake: Option<OwnedSemaphorePermit>,
}

#[derive(Debug)]
enum Stage {
    /// No `hello` has come.
    Silent,
    /// Where it begins is being looked up.
    Waiting(Beginning),
    /// It has begun, in this epoch.
    Begun(Epoch),
}

/// What a transport sends next.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// In this order.
    pub(super) frames: Vec<Frame>,
    /// Then nothing more, if so.
    pub(super) end: Option<End>,
}

impl Session {
    /// `handshake` is given back when it begins.
    pub(super) fn new(opening: Opening, handshake: Option<OwnedSemaphorePermit>) -> Self {
        let Opening { user, mode, issued_at, token_exp, ping_every } = opening;
        let (id, now) = (Uuid::now_v7(), Instant::now());
        let mut vitals = Vitals::new(now, ping_every, standing::share(id), token_exp);
        if mode == Mode::Full {
            vitals.await_hello(now);
        }
        let state = State {
            stage: Stage::Silent,
            outbox: Outbox::new(),
            answers: Vec::new(),
            told: Vec::new(),
            sent: Seq(0),
            replayed: None,
            vitals,
            issued_at,
            rate: Rate::new(now),
            end: None,
            handshake,
        };
        Self { id, user, mode, device: OnceLock::new(), state: Mutex::new(state), changed: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its device; the anonymous one before it has named any.
    pub(super) fn device(&self) -> DeviceId {
        self.device.get().cloned().unwrap_or_default()
    }

    /// Whether it is a session of this named device.
    pub(super) fn is_of(&self, device: &DeviceId) -> bool {
        device.name().is_some() && self.device.get() == Some(device)
    }

    /// The next batch, once there is something to send. Cancel-safe.
    pub(super) async fn next(&self, resume: &Resume) -> Batch {
        loop {
            let batch = self.take(resume);
            if !batch.frames.is_empty() || batch.end.is_some() {
                return batch;
            }
            self.changed().await;
        }
    }

    /// Resolves when something may have changed since the last batch. Cancel-safe.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// What there is to send now: answers, then events, then the end. What does not fit is news for the next.
    pub(super) fn take(&self, resume: &Resume) -> Batch {
        let mut state = self.state();
        let mut frames = std::mem::take(&mut state.answers);
        if let Some(end) = state.end {
            frames.extend(Frame::bye(end));
            return Batch { frames, end: Some(end) };
        }
        frames.append(&mut state.told);
        for StreamFrame { seq, kind, frame } in state.outbox.take(BATCH_MAX) {
            if seq > state.outbox.replay_to() {
                frames.extend(self.replay_done(&mut state, resume));
            }
            count(kind);
            state.sent = seq;
            state.replayed = state.replayed.map(|so_far| so_far + u64::from(kind == Kind::Replay));
            frames.push(frame);
        }
        if state.sent >= state.outbox.replay_to() {
            frames.extend(self.replay_done(&mut state, resume));
        }
        if !state.outbox.is_empty() {
            self.changed.notify_one();
        }
        Batch { frames, end: None }
    }

    /// Says once that what follows is live.
    fn replay_done(&self, state: &mut State, resume: &Resume) -> Option<Frame> {
        let count = state.replayed.take()?;
        let to = state.outbox.replay_to();
        Frame::at(to, &ServerFrame::ReplayDone { to, count, resume: self.token(state, resume, to)? })
    }

    /// The resume token for a position of this session.
    fn token(&self, state: &State, resume: &Resume, seq: Seq) -> Option<String> {
        match state.stage {
            Stage::Begun(epoch) => Some(resume.token(self.user, &self.device(), Position { epoch, seq })),
            Stage::Silent | Stage::Waiting(_) => None,
        }
    }

    /// Ends it, unless it is ending already. The transport still sends what was answered.
    pub(super) fn end(&self, end: End) {
        self.state().end.get_or_insert(end);
        self.changed.notify_one();
    }

    /// Whether it is not known yet where it begins.
    pub(super) fn is_beginning(&self) -> bool {
        matches!(self.state().stage, Stage::Silent | Stage::Waiting(_))
    }

    /// Whether it is ending.
    pub(super) fn is_ending(&self) -> bool {
        self.state().end.is_some()
    }

    /// Counts a frame of the client, whatever it says. Ends the session when there are too many.
    pub(super) fn admit(&self) -> Admission {
        let mut state = self.state();
        state.vitals.heard();
        let admission = state.rate.admit(Instant::now());
        drop(state);
        match admission {
            Admission::Within => {}
            Admission::Nearly => self.warn(ErrorCode::RateLimited, "few more messages pass"),
            Admission::Over => self.end(End::RateLimited),
        }
        admission
    }

    /// Answers the client. Dropped when too many answers wait.
    fn answer(&self, frame: Option<Frame>) {
        let mut state = self.state();
        if state.answers.len() < ANSWERS_MAX {
            state.answers.extend(frame);
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Tells the client of something that it may go on after.
    fn warn(&self, code: ErrorCode, message: &str) {
        counter!(WS_ERRORS, "code" => code.as_str()).increment(1);
        self.answer(Frame::of(&ServerFrame::Error { code, message, fatal: false, head: None }));
    }

    /// Tells the client what it did wrong, and ends the session.
    fn fail(&self, code: ErrorCode, message: &str, end: End) {
        self.state().fail(code, message, None, end);
        self.changed.notify_one();
    }

    /// Tells the client what another session of its person did.
    pub(super) fn tell(&self, frame: &Frame) {
        let mut state = self.state();
        if self.mode == Mode::Plain || !matches!(state.stage, Stage::Begun(_)) {
            return;
        }
        if state.told.len() >= TOLD_MAX {
            state.told = vec![Frame::text(READ_AGAIN)];
        } else {
            state.told.push(frame.clone());
        }
        drop(state);
        self.changed.notify_one();
    }
}

impl State {
    fn fail(&mut self, code: ErrorCode, message: &str, head: Option<Seq>, end: End) {
        counter!(WS_ERRORS, "code" => code.as_str()).increment(1);
        if self.end.is_none() {
            self.answers.extend(Frame::of(&ServerFrame::Error { code, message, fatal: true, head }));
            self.end = Some(end);
        }
    }
}

fn count(kind: Kind) {
    match kind {
        Kind::Live => counter!(WS_FRAMES, "kind" => "live").increment(1),
        Kind::Replay => counter!(WS_FRAMES, "kind" => "replay").increment(1),
        Kind::Gap => {}
    }
}

#[cfg(test)]
pub(super) mod tests;
