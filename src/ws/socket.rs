//! WebSocket, one of the transports: carries a session over a TCP connection, in one task, without a buffer while nothing
//! is under way.
//!
//! Frames go out as they were encoded, vectored, straight to the socket. What comes in is read onto the stack, and only an
//! unfinished frame is kept. The handshake, the headers, the masks and the close codes are fastwebsockets'; its reader is
//! not used, because it keeps 8 KiB for every connection, bounds no reassembly, and cannot be left in the middle of a frame.

use std::io;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fastwebsockets::{Frame as RawFrame, OpCode, Payload};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep, timeout};

use super::end::End;
use super::node::Node;
use super::rate::Admission;
use super::session::{Session, hear};

mod inbound;
mod outbound;

use inbound::{Inbound, Incoming};
use outbound::{Flushed, Outbound};

/// Largest message from a client, in bytes, over all its fragments. A larger one closes the session with 1009.
pub(super) const MESSAGE_MAX: usize = 8192;
/// Longest header of a frame of ours, in bytes.
pub(super) const HEAD_MAX: usize = 10;
/// A socket that takes no byte for this long is given up. No close frame can follow: it would stand behind the bytes
/// that the peer does not take.
pub(super) const STUCK: Duration = Duration::from_secs(10);
/// How long an ending session waits for the write at hand and its close frame.
const CLOSE_MAX: Duration = Duration::from_secs(2);
/// How long a closed socket waits for the client to close it too.
const LINGER: Duration = Duration::from_secs(2);
/// Bytes that a closed socket still reads and drops, so that the kernel does not answer them with a reset that would
/// overtake our close frame. What comes after them gets the reset.
const LINGER_BYTES: u64 = 1024 * 1024;
/// Bytes read at a time, onto the stack.
const READ_MAX: usize = 8192;

/// Writes the header of a text frame right before the text, which follows [`HEAD_MAX`] bytes of room. Answers how long it is.
pub(super) fn write_head(wire: &mut [u8]) -> usize {
    let (room, text) = wire.split_at_mut(HEAD_MAX);
    let mut head = [0; HEAD_MAX];
    let length = RawFrame::new(true, OpCode::Text, None, Payload::Borrowed(text)).fmt_head(&mut head);
    if let (Some(to), Some(from)) = (room.get_mut(HEAD_MAX - length..), head.get(..length)) {
        to.copy_from_slice(from);
    }
    length
}

/// Serves a session until it ends, and answers why it did. `first` is what the client sent right after its handshake.
pub(super) async fn serve(node: &Node, session: &Arc<Session>, tcp: &TcpStream, first: Bytes) -> End {
    let (mut inbound, mut outbound) = (Inbound::default(), Outbound::default());
    let mut stuck: Option<Pin<Box<Sleep>>> = None;
    let mut given = feed(node, session, &mut inbound, &mut outbound, &mut Vec::from(first));
    loop {
        if let Err(end) = given {
            session.end(end);
        }
        if outbound.is_empty() || session.is_ending() {
            let batch = session.take(node.resume());
            outbound.extend(&batch.frames);
            if let Some(end) = batch.end {
                return close(outbound, tcp, end).await;
            }
            node.look_after(session);
        }
        match outbound.flush(tcp) {
            Ok(Flushed::All) => stuck = None,
            Ok(Flushed::Some) => stuck = Some(Box::pin(sleep(STUCK))),
            Ok(Flushed::Nothing) => {
                stuck.get_or_insert_with(|| Box::pin(sleep(STUCK)));
            }
            Err(_) => return End::Gone,
        }
        let interest = if stuck.is_some() { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
        given = tokio::select! {
            ready = tcp.ready(interest) => match ready {
                Ok(ready) if ready.is_readable() => read(node, session, tcp, &mut inbound, &mut outbound),
                Ok(_) => Ok(()),
                Err(_) => return End::Gone,
            },
            () = session.changed() => Ok(()),
            () = patience(&mut stuck) => return End::SlowConsumer,
        };
    }
}

async fn patience(stuck: &mut Option<Pin<Box<Sleep>>>) {
    match stuck {
        Some(sleep) => sleep.await,
        None => std::future::pending().await,
    }
}

/// Reads what there is, once.
fn read(
    node: &Node,
    session: &Arc<Session>,
    tcp: &TcpStream,
    inbound: &mut Inbound,
    outbound: &mut Outbound,
) -> Result<(), End> {
    let mut bytes = [0; READ_MAX];
    match tcp.try_read(&mut bytes) {
        Ok(0) => Err(End::Gone),
        Ok(count) => feed(node, session, inbound, outbound, bytes.get_mut(..count).unwrap_or_default()),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
        Err(_) => Err(End::Gone),
    }
}

/// Gives the session what these bytes complete.
fn feed(
    node: &Node,
    session: &Arc<Session>,
    inbound: &mut Inbound,
    outbound: &mut Outbound,
    bytes: &mut [u8],
) -> Result<(), End> {
    let heard = inbound.feed(bytes, &mut |incoming| {
        if session.admit() == Admission::Over {
            return ControlFlow::Break(());
        }
        match incoming {
            Incoming::Text(text) => hear(node, session, text),
            Incoming::Ping(payload) => outbound.pong(payload),
            Incoming::Fragment | Incoming::Pong => {}
            Incoming::Close(code) => session.end(End::Client(code)),
        }
        if session.is_ending() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    heard.map_err(End::Violation)
}

/// Writes what is left, and the close frame behind it.
async fn close(mut outbound: Outbound, tcp: &TcpStream, end: End) -> End {
    if let Some(code) = end.code() {
        outbound.close(code, end.reason());
        let written = timeout(CLOSE_MAX, async {
            while let Ok(Flushed::Some | Flushed::Nothing) = outbound.flush(tcp) {
                tcp.writable().await.ok();
            }
        });
        if written.await.is_err() {
            tracing::trace!(?end, "the client does not take its close frame");
        }
    }
    end
}

/// Opens no session: says why, and closes.
pub(super) async fn refuse(mut tcp: TcpStream, end: End) {
    close(Outbound::default(), &tcp, end).await;
    linger(&mut tcp).await;
}

/// Waits for the client to close its side too, within bounds.
pub(super) async fn linger(tcp: &mut TcpStream) {
    let rest = async {
        tcp.shutdown().await?;
        tokio::io::copy(&mut tcp.take(LINGER_BYTES), &mut tokio::io::sink()).await
    };
    let rest = timeout(LINGER, rest).await;
    tracing::trace!(?rest, "dropped after the close frame");
}

#[cfg(test)]
mod tests;
