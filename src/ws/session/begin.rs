//! How a session gets from its first word to its first event.

use eventcenter_core::id::DeviceId;
use eventcenter_core::metrics::WS_BEGUN;
use eventcenter_core::store::{StreamHead, StreamStart};
use metrics::counter;
use tokio::time::Instant;

use super::{Mode, Resume, Session, Stage, State};
use crate::ws::beginning::{Beginning, Origin};
use crate::ws::end::End;
use crate::ws::frame::{ErrorCode, Frame, Lost, ServerFrame, Welcome};
use crate::ws::socket::MESSAGE_MAX;
use crate::ws::vitals::PONG_MAX;

/// The only version of the protocol.
const VERSION: u8 = 1;

impl Session {
    /// It has said where it is, and as which device. The node now looks up where it begins.
    pub(in crate::ws) fn greeted(&self, device: DeviceId, beginning: Beginning) {
        // A second hello is refused before it comes here.
        self.device.get_or_init(|| device);
        let mut state = self.state();
        state.stage = Stage::Waiting(beginning);
        if self.mode == Mode::Full {
            state.vitals.await_welcome(Instant::now());
        }
    }

    /// Resolves once it is known where the session begins, or that it does not.
    pub(in crate::ws) async fn begun(&self) {
        while !self.is_ending() && self.is_beginning() {
            self.changed().await;
        }
    }

    /// Begins, now that it is known where.
    pub(in crate::ws) fn begin(&self, resume: &Resume, start: &StreamStart) {
        let mut state = self.state();
        let Stage::Waiting(beginning) = state.stage else { return };
        state.stage = Stage::Begun(start.epoch);
        state.vitals.begun();
        state.handshake = None;
        match self.mode {
            Mode::Plain => state.begin_plain(&beginning, start),
            Mode::Full => self.welcome(&mut state, resume, &beginning, start),
        }
        drop(state);
        self.changed.notify_one();
    }

    fn welcome(&self, state: &mut State, resume: &Resume, beginning: &Beginning, start: &StreamStart) {
        let origin = beginning.origin(start);
        counter!(WS_BEGUN, "how" => label(origin)).increment(1);
        let device = self.device();
        let Some(token) = self.token(state, resume, origin.from) else { return };
        let welcome = ServerFrame::Welcome(Welcome {
            v: VERSION,
            session: self.id,
            user: self.user,
            device: device.name(),
            epoch: start.epoch,
            head: start.head.last,
            from: origin.from,
            resumed: origin.resumed,
            window: beginning.window,
            max_frame: MESSAGE_MAX,
            ping_ms: state.vitals.ping_every().as_millis(),
            pong_ms: PONG_MAX.as_millis(),
            token_exp: state.vitals.token_exp(),
            resume: token,
        });
        state.answers.extend(Frame::at(origin.from, &welcome));
        state.replayed = Some(0);
        state.follow(origin, start.head, beginning.window);
    }
}

impl State {
    fn begin_plain(&mut self, beginning: &Beginning, start: &StreamStart) {
        if let Some(origin) = beginning.plain(start) {
            self.follow(origin, start.head, None);
        } else {
            let message = "after is beyond the end of the stream";
            self.fail(ErrorCode::AfterIsAhead, message, Some(start.head.last), End::Resync);
        }
    }

    fn follow(&mut self, origin: Origin, head: StreamHead, window: Option<u16>) {
        if let Some((from, to, reason)) = origin.lost {
            self.outbox.put_gap(from, to, reason);
        }
        self.sent = origin.from;
        self.outbox.begin(origin.from, head, window);
    }
}

fn label(origin: Origin) -> &'static str {
    match origin {
        Origin { lost: Some((.., Lost::Retention)), .. } => "retention",
        Origin { lost: Some((.., Lost::Epoch)), .. } => "epoch",
        Origin { lost: Some((.., Lost::Ahead)), .. } => "ahead",
        Origin { resumed: true, .. } => "resumed",
        Origin { resumed: false, .. } => "fresh",
    }
}
