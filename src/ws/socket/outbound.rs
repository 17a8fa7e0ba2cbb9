//! What a socket still has to take.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};

use bytes::{Buf, Bytes};
use fastwebsockets::{Frame as RawFrame, OpCode, Payload};
use tokio::net::TcpStream;

use super::HEAD_MAX;
use crate::ws::frame::Frame;

/// Frames in one write; more follow in the next.
const SLICES_MAX: usize = 64;
/// Frames that may wait when a ping is answered. RFC 6455 §5.5.3 lets us skip one when they are more.
const BEFORE_PONG_MAX: usize = 8;

/// How far a flush came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flushed {
    /// Everything was taken.
    All,
    /// Some of it.
    Some,
    /// Nothing, for the socket is full.
    Nothing,
}

/// Whole frames, but for the first, of which a part may have been written. Holds no memory while it is empty.
#[derive(Debug, Default)]
pub(super) struct Outbound(VecDeque<Bytes>);

impl Outbound {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn extend(&mut self, frames: &[Frame]) {
        self.0.extend(frames.iter().map(Frame::wire));
    }

    /// Answers a ping, unless too much waits already.
    pub(super) fn pong(&mut self, payload: &[u8]) {
        if self.0.len() < BEFORE_PONG_MAX {
            self.0.push_back(control(OpCode::Pong, payload));
        }
    }

    /// The last frame.
    pub(super) fn close(&mut self, code: u16, reason: &str) {
        self.0.push_back(control(OpCode::Close, &[&code.to_be_bytes(), reason.as_bytes()].concat()));
    }

    /// Gives the socket what it takes without waiting.
    pub(super) fn flush(&mut self, tcp: &TcpStream) -> io::Result<Flushed> {
        let mut flushed = Flushed::Nothing;
        while !self.0.is_empty() {
            let slices: Vec<IoSlice<'_>> = self.0.iter().take(SLICES_MAX).map(|frame| IoSlice::new(frame)).collect();
            match tcp.try_write_vectored(&slices) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => {
                    self.advance(written);
                    flushed = Flushed::Some;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(flushed),
                Err(error) => return Err(error),
            }
        }
        self.0 = VecDeque::new();
        Ok(Flushed::All)
    }

    fn advance(&mut self, mut written: usize) {
        while let Some(first) = self.0.front_mut() {
            if written < first.len() {
                first.advance(written);
                return;
            }
            written -= first.len();
            self.0.pop_front();
        }
    }
}

fn control(opcode: OpCode, payload: &[u8]) -> Bytes {
    let mut head = [0; HEAD_MAX];
    let length = RawFrame::new(true, opcode, None, Payload::Borrowed(payload)).fmt_head(&mut head);
    [head.get(..length).unwrap_or_default(), payload].concat().into()
}
