//! What a client sends, frame by frame (RFC 6455 §5), out of bytes that come in any pieces.

use std::ops::ControlFlow;

use fastwebsockets::{CloseCode, OpCode};

use super::MESSAGE_MAX;
use crate::ws::end::Violation;

/// Largest payload of a control frame, in bytes (RFC 6455 §5.5).
const CONTROL_MAX: usize = 125;
/// What a client means that gives no code: a normal end.
const NORMAL: u16 = 1000;

/// What a client sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming<'a> {
    /// A whole message.
    Text(&'a str),
    /// A fragment of one that goes on.
    Fragment,
    /// To be answered with the same bytes.
    Ping(&'a [u8]),
    /// The answer to our ping.
    Pong,
    /// The client ends the session, with this code.
    Close(u16),
}

/// Whether the hearer wants more.
type Heard = ControlFlow<()>;

/// The unfinished frame, and the unfinished message. Holds no memory while there is neither.
#[derive(Debug, Default)]
pub(super) struct Inbound {
    frame: Vec<u8>,
    message: Option<Vec<u8>>,
}

/// The header of a frame.
struct Head {
    opcode: OpCode,
    is_last: bool,
    mask: [u8; 4],
    payload_at: usize,
    end: usize,
}

impl Inbound {
    /// Gives `sink` what these bytes complete, until it wants no more.
    pub(super) fn feed(
        &mut self,
        bytes: &mut [u8],
        sink: &mut impl FnMut(Incoming<'_>) -> Heard,
    ) -> Result<(), Violation> {
        if self.frame.is_empty() {
            let used = self.frames(bytes, sink)?;
            self.frame.extend_from_slice(bytes.get(used..).unwrap_or_default());
            return Ok(());
        }
        let mut frame = std::mem::take(&mut self.frame);
        frame.extend_from_slice(bytes);
        let used = self.frames(&mut frame, sink)?;
        if used < frame.len() {
            frame.drain(..used);
            self.frame = frame;
        }
        Ok(())
    }

    /// Hears whole frames; answers how many bytes they were. When `sink` wants no more, nothing is left.
    fn frames(&mut self, bytes: &mut [u8], sink: &mut impl FnMut(Incoming<'_>) -> Heard) -> Result<usize, Violation> {
        let mut used = 0;
        while let Some(rest) = bytes.get_mut(used..)
            && let Some(head) = Head::read(rest, self.message.as_ref().map_or(0, Vec::len))?
            && let Some(payload) = rest.get_mut(head.payload_at..head.end)
        {
            used += head.end;
            fastwebsockets::unmask(payload, head.mask);
            if self.frame(&head, payload, sink)?.is_break() {
                return Ok(bytes.len());
            }
        }
        Ok(used)
    }

    fn frame(
        &mut self,
        head: &Head,
        payload: &[u8],
        sink: &mut impl FnMut(Incoming<'_>) -> Heard,
    ) -> Result<Heard, Violation> {
        match (head.opcode, self.message.take()) {
            (OpCode::Binary, _) => Err(Violation::Binary),
            (OpCode::Text, None) if head.is_last => text(payload).map(|text| sink(Incoming::Text(text))),
            (OpCode::Text, None) => Ok(self.go_on(Vec::new(), payload, sink)),
            (OpCode::Continuation, Some(mut message)) if head.is_last => {
                message.extend_from_slice(payload);
                text(&message).map(|text| sink(Incoming::Text(text)))
            }
            (OpCode::Continuation, Some(message)) => Ok(self.go_on(message, payload, sink)),
            (OpCode::Text, Some(_)) | (OpCode::Continuation, None) => Err(Violation::Protocol),
            (OpCode::Close, _) => close_code(payload).map(|code| sink(Incoming::Close(code))),
            // Control frames pass between fragments.
            (OpCode::Ping, message) => {
                self.message = message;
                Ok(sink(Incoming::Ping(payload)))
            }
            (OpCode::Pong, message) => {
                self.message = message;
                Ok(sink(Incoming::Pong))
            }
        }
    }

    fn go_on(&mut self, mut message: Vec<u8>, payload: &[u8], sink: &mut impl FnMut(Incoming<'_>) -> Heard) -> Heard {
        message.extend_from_slice(payload);
        self.message = Some(message);
        sink(Incoming::Fragment)
    }
}

impl Head {
    /// Reads a header as soon as it is whole, and refuses what cannot become a frame, however little of it is there. `so_far`
    /// is the length of the message that goes on.
    fn read(bytes: &[u8], so_far: usize) -> Result<Option<Self>, Violation> {
        let [first, second, rest @ ..] = bytes else { return Ok(None) };
        let is_last = first & 0x80 != 0;
        let has_reserved_bits = first & 0x70 != 0;
        let is_masked = second & 0x80 != 0;
        let opcode = OpCode::try_from(first & 0x0f).or(Err(Violation::Protocol))?;
        if has_reserved_bits || !is_masked {
            return Err(Violation::Protocol);
        }
        let (length, length_bytes) = match (second & 0x7f, rest.first_chunk(), rest.first_chunk()) {
            (126, Some(long), _) => (u64::from(u16::from_be_bytes(*long)), 2),
            (127, _, Some(longer)) => (u64::from_be_bytes(*longer), 8),
            (126 | 127, ..) => return Ok(None),
            (short, ..) => (u64::from(short), 0),
        };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let is_control = matches!(opcode, OpCode::Close | OpCode::Ping | OpCode::Pong);
        if is_control && (!is_last || length > CONTROL_MAX) {
            return Err(Violation::Protocol);
        }
        if !is_control && length > MESSAGE_MAX.saturating_sub(so_far) {
            return Err(Violation::TooBig);
        }
        let Some(mask) = rest.get(length_bytes..).and_then(<[u8]>::first_chunk) else { return Ok(None) };
        let payload_at = 2 + length_bytes + mask.len();
        Ok(Some(Self { opcode, is_last, mask: *mask, payload_at, end: payload_at + length }))
    }
}

fn text(payload: &[u8]) -> Result<&str, Violation> {
    std::str::from_utf8(payload).or(Err(Violation::NotUtf8))
}

/// RFC 6455 §5.5.1 and §7.4: empty, or a code that may be sent and a reason in UTF-8.
fn close_code(payload: &[u8]) -> Result<u16, Violation> {
    let Some((code, reason)) = payload.split_first_chunk() else {
        return if payload.is_empty() { Ok(NORMAL) } else { Err(Violation::Protocol) };
    };
    let code = u16::from_be_bytes(*code);
    if !CloseCode::from(code).is_allowed() {
        return Err(Violation::Protocol);
    }
    text(reason).map(|_| code)
}

#[cfg(test)]
mod tests;
