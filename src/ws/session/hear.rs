//! What a session does with what its client says.

use std::sync::Arc;

use super::{Mode, Session, Stage};
use crate::ws::beginning::Beginning;
use crate::ws::end::End;
use crate::ws::frame::{ErrorCode, Frame, ServerFrame};
use crate::ws::node::Node;
use crate::ws::protocol::{Ack, ClientFrame, Fault, Hello};

/// Takes a text message of the client.
pub(in crate::ws) fn hear(node: &Node, session: &Arc<Session>, text: &str) {
    let frame = ClientFrame::read(text);
    if session.awaits_hello() {
        match frame {
            Ok(ClientFrame::Hello(hello)) => greet(node, session, hello),
            Ok(ClientFrame::Ack(_) | ClientFrame::Auth(_) | ClientFrame::Ping | ClientFrame::Pong)
            | Err(Fault::UnknownFrame) => {
                session.fail(ErrorCode::BadFrame, "the first frame must be hello", End::BadRequest);
            }
            Err(fault) => session.refuse(&fault),
        }
        return;
    }
    match frame {
        Ok(ClientFrame::Hello(_)) => {
            let message = "hello comes first and once, and not in a plain stream";
            session.fail(ErrorCode::UnexpectedHello, message, End::BadRequest);
        }
        Ok(ClientFrame::Ack(ack)) => acknowledge(node, session, &ack),
        Ok(ClientFrame::Auth(token)) => authenticate(node, session, &token),
        Ok(ClientFrame::Ping) => session.pong(),
        // Every frame is a sign of life.
        Ok(ClientFrame::Pong) => {}
        Err(fault) => session.refuse(&fault),
    }
}

fn greet(node: &Node, session: &Arc<Session>, hello: Hello) {
    let Hello { device, resume, after, window } = hello;
    let position = resume.as_deref().map(|token| node.resume().read(token, session.user, &device));
    if position == Some(None) {
        let message = "resume is not a token of this person's device";
        return session.fail(ErrorCode::BadResume, message, End::BadRequest);
    }
    session.greeted(device, Beginning { position: position.flatten(), after, window });
    node.greet(session);
}

fn acknowledge(node: &Node, session: &Arc<Session>, ack: &Ack) {
    if let Some(seq) = ack.seq {
        let mut state = session.state();
        if seq > state.sent {
            drop(state);
            return session.fail(ErrorCode::AckAhead, "seq is beyond what this session was sent", End::BadRequest);
        }
        state.outbox.acknowledge(seq);
        drop(state);
        node.acknowledge(session.user, session.device(), seq);
        node.look_after(session);
    }
    if !ack.ids.is_empty() {
        node.saw(session.user, &ack.ids);
    }
}

fn authenticate(node: &Node, session: &Session, token: &str) {
    match node.tokens().grant(token) {
        Ok(grant) if grant.user_id == session.user => {
            let mut state = session.state();
            if grant.ends_at >= state.vitals.token_exp() {
                state.issued_at = grant.issued_at;
            }
            state.vitals.renew(grant.ends_at);
            let token_exp = state.vitals.token_exp();
            drop(state);
            session.answer(Frame::of(&ServerFrame::AuthOk { token_exp }));
        }
        Ok(_) => session.fail(ErrorCode::OtherUser, "the token is another person's", End::Unauthorized),
        Err(error) => session.warn(ErrorCode::BadToken, &error.to_string()),
    }
}

impl Session {
    fn awaits_hello(&self) -> bool {
        self.mode == Mode::Full && matches!(self.state().stage, Stage::Silent)
    }

    fn refuse(&self, fault: &Fault) {
        match fault {
            Fault::BadFrame(message) => self.fail(ErrorCode::BadFrame, message, End::BadRequest),
            Fault::UnknownFrame => self.warn(ErrorCode::UnknownFrame, "this version knows no such t"),
            Fault::UnsupportedVersion => {
                self.fail(ErrorCode::UnsupportedVersion, "v must be 1", End::UnsupportedVersion);
            }
        }
    }

    /// Answers a ping, unless nothing was welcomed yet.
    fn pong(&self) {
        let state = self.state();
        let head = state.sent;
        let is_begun = matches!(state.stage, Stage::Begun(_));
        drop(state);
        if is_begun {
            self.answer(Frame::of(&ServerFrame::Pong { head }));
        }
    }
}
