//! fastwebsockets, within its limits: it reads, one future a frame, and answers nothing by itself.
//!
//! Its own writer would copy each small frame into a buffer that every session keeps. Only its frame headers are used
//! here; the shared payloads go to the socket as they are.

use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use fastwebsockets::{CloseCode, Frame, OpCode, Payload, Role, WebSocketError, WebSocketRead, after_handshake_split};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::assembly::{Assembly, Fin};
use super::{Incoming, MESSAGE_MAX, Outgoing, Reader, STUCK, Violation, Writer};

/// Largest payload of a control frame, in bytes (RFC 6455 §5.5).
const CONTROL_MAX: usize = 125;
/// Longest header that fastwebsockets writes, in bytes.
const HEAD_MAX: usize = 16;
/// What a client means that gives no code: a normal end.
const NORMAL: u16 = 1000;

/// Reads frames from a connection after its handshake.
pub(in crate::ws) struct FastReader<R> {
    inner: WebSocketRead<R>,
    assembly: Assembly,
}

impl<R: AsyncRead + Unpin> FastReader<R> {
    pub(in crate::ws) fn new(read: R) -> Self {
        let (mut inner, _) = after_handshake_split(read, tokio::io::sink(), Role::Server);
        inner.set_auto_close(false);
        inner.set_auto_pong(false);
        // It refuses what is as long as this or longer.
        inner.set_max_message_size(MESSAGE_MAX + 1);
        Self { inner, assembly: Assembly::default() }
    }
}

impl<R: AsyncRead + Unpin + Send> Reader for FastReader<R> {
    async fn next(&mut self) -> Result<Incoming, Violation> {
        let mut frame = self.inner.read_frame(&mut |_| async { Ok::<(), WebSocketError>(()) }).await?;
        if !is_masked(&mut frame) {
            return Err(Violation::Protocol);
        }
        let payload = &frame.payload;
        match frame.opcode {
            OpCode::Text | OpCode::Binary | OpCode::Continuation => {
                let fin = if frame.fin { Fin::Last } else { Fin::More };
                self.assembly.add(frame.opcode, fin, payload)
            }
            OpCode::Close | OpCode::Ping | OpCode::Pong if payload.len() > CONTROL_MAX => Err(Violation::Protocol),
            OpCode::Close => close_code(payload).map(Incoming::Close),
            OpCode::Ping => Ok(Incoming::Ping(Bytes::copy_from_slice(payload))),
            OpCode::Pong => Ok(Incoming::Pong),
        }
    }
}

/// fastwebsockets takes unmasked frames, which RFC 6455 §5.1 forbids, and hides the mask: only a header shows it.
fn is_masked(frame: &mut Frame<'_>) -> bool {
    let mut head = [0; HEAD_MAX];
    frame.fmt_head(&mut head);
    head[1] & 0x80 != 0
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
    std::str::from_utf8(reason).map_or(Err(Violation::NotUtf8), |_| Ok(code))
}

impl From<WebSocketError> for Violation {
    fn from(error: WebSocketError) -> Self {
        match error {
            WebSocketError::FrameTooLarge => Self::TooBig,
            WebSocketError::InvalidUTF8 => Self::NotUtf8,
            WebSocketError::UnexpectedEOF
            | WebSocketError::IoError(_)
            | WebSocketError::HTTPError(_)
            | WebSocketError::ConnectionClosed
            | WebSocketError::SendError(_) => Self::Gone,
            WebSocketError::InvalidFragment
            | WebSocketError::InvalidContinuationFrame
            | WebSocketError::InvalidStatusCode(_)
            | WebSocketError::InvalidUpgradeHeader
            | WebSocketError::InvalidConnectionHeader
            | WebSocketError::InvalidCloseFrame
            | WebSocketError::InvalidCloseCode
            | WebSocketError::ReservedBitsNotZero
            | WebSocketError::ControlFrameFragmented
            | WebSocketError::PingFrameTooLarge
            | WebSocketError::InvalidSecWebsocketVersion
            | WebSocketError::InvalidValue
            | WebSocketError::MissingSecWebSocketKey => Self::Protocol,
        }
    }
}

/// Writes frames to a connection after its handshake.
pub(in crate::ws) struct FastWriter<W> {
    write: W,
    patience: Duration,
}

impl<W: AsyncWrite + Unpin> FastWriter<W> {
    pub(in crate::ws) const fn new(write: W) -> Self {
        Self { write, patience: STUCK }
    }
}

impl<W: AsyncWrite + Unpin + Send> Writer for FastWriter<W> {
    async fn write(&mut self, messages: &[Outgoing]) -> io::Result<()> {
        let wires: Vec<Wire> = messages.iter().map(Wire::new).collect();
        let total: usize = wires.iter().map(|wire| wire.head_len + wire.payload.len()).sum();
        let mut written = 0;
        while written < total {
            let write = poll_fn(|cx| poll_write(&mut self.write, cx, &wires, written));
            match timeout(self.patience, write).await?? {
                0 => return Err(ErrorKind::WriteZero.into()),
                some => written += some,
            }
        }
        timeout(self.patience, self.write.flush()).await?
    }
}

/// A frame as its two slices.
struct Wire {
    head: [u8; HEAD_MAX],
    head_len: usize,
    payload: Bytes,
}

impl Wire {
    fn new(message: &Outgoing) -> Self {
        let (opcode, payload) = match message {
            Outgoing::Text(text) => (OpCode::Text, text.clone()),
            Outgoing::Ping => (OpCode::Ping, Bytes::new()),
            Outgoing::Pong(payload) => (OpCode::Pong, payload.clone()),
            Outgoing::Close(code, reason) => {
                (OpCode::Close, [code.to_be_bytes().as_slice(), reason.as_bytes()].concat().into())
            }
        };
        let mut head = [0; HEAD_MAX];
        let head_len = Frame::new(true, opcode, None, Payload::Borrowed(&payload)).fmt_head(&mut head);
        Self { head, head_len, payload }
    }
}

/// Built anew for each poll, because slices that lived across an await would live in every session.
fn poll_write<W: AsyncWrite + Unpin>(
    write: &mut W,
    cx: &mut Context<'_>,
    wires: &[Wire],
    written: usize,
) -> Poll<io::Result<usize>> {
    let slices = wires.iter().flat_map(|wire| [wire.head.get(..wire.head_len).unwrap_or_default(), &wire.payload]);
    let mut slices: Vec<IoSlice<'_>> = slices.map(IoSlice::new).collect();
    let mut rest = slices.as_mut_slice();
    IoSlice::advance_slices(&mut rest, written);
    Pin::new(write).poll_write_vectored(cx, rest)
}

#[cfg(test)]
mod tests;
