//! What time does to a session.

use std::time::Duration;

use tokio::time::Instant;

use super::{Mode, Resume, Session, State};
use crate::ws::frame::{Frame, ServerFrame};
use crate::ws::vitals::Due;

impl Session {
    /// Does what the clock asks for. Answers after how long to look again; `None` for one that is ending. `wall` is the
    /// time in seconds since 1970.
    pub(in crate::ws) fn look(&self, resume: &Resume, wall: i64) -> Option<Duration> {
        let mut state = self.state();
        if state.end.is_some() {
            return None;
        }
        let (due, after) = state.vitals.look(Instant::now(), wall);
        if let Some(due) = due {
            self.act(&mut state, resume, due);
            drop(state);
            self.changed.notify_one();
        }
        Some(after)
    }

    fn act(&self, state: &mut State, resume: &Resume, due: Due) {
        let frame = match due {
            Due::Ping => self.ping(state, resume),
            Due::Warn => Frame::of(&ServerFrame::AuthRequired { token_exp: state.vitals.token_exp() }),
            Due::End(end) => {
                state.end = Some(end);
                None
            }
        };
        state.answers.extend(frame);
    }

    fn ping(&self, state: &State, resume: &Resume) -> Option<Frame> {
        match self.mode {
            Mode::Plain => Some(Frame::ping()),
            Mode::Full => {
                let head = state.sent;
                Frame::at(head, &ServerFrame::Ping { head, resume: self.token(state, resume, head)? })
            }
        }
    }
}
