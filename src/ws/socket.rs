//! A WebSocket, as a session sees it: two halves that know nothing of streams. Another implementation than
//! fastwebsockets would be another file beside `fast`.

use std::future::Future;
use std::io;
use std::time::Duration;

use bytes::Bytes;

mod assembly;
mod fast;

pub(super) use fast::{FastReader, FastWriter};

/// Largest message from a client, in bytes, over all its fragments. A larger one closes the session with 1009.
pub(super) const MESSAGE_MAX: usize = 4 * 1024;
/// A socket that takes no byte for this long is given up. No close frame can follow: it would stand behind the bytes
/// that the peer does not take.
pub(super) const STUCK: Duration = Duration::from_secs(10);

/// What a client sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    /// A whole text.
    Text,
    /// A fragment of a text that goes on.
    Fragment,
    /// To be answered with the same bytes.
    Ping(Bytes),
    /// The answer to our ping.
    Pong,
    /// The client ends the session, with this code.
    Close(u16),
}

/// What goes to a client.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outgoing {
    /// A JSON text.
    Text(Bytes),
    /// To be answered by the client by itself.
    Ping,
    /// The answer to the client's ping.
    Pong(Bytes),
    /// The end, with a code and a reason of at most 123 bytes (RFC 6455 §5.5).
    Close(u16, &'static str),
}

/// Why nothing more can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Violation {
    /// The connection broke or ended without a close frame.
    Gone,
    /// It is not WebSocket (RFC 6455): an unmasked frame, a reserved bit, a fragmented ping.
    Protocol,
    /// A binary message.
    Binary,
    /// A text that is not UTF-8.
    NotUtf8,
    /// A message above [`MESSAGE_MAX`].
    TooBig,
}

/// The half that hears the client.
pub(super) trait Reader: Send {
    /// The next frame. Not cancel-safe: a dropped call leaves half a frame behind, so nothing can be read after it.
    fn next(&mut self) -> impl Future<Output = Result<Incoming, Violation>> + Send;
}

/// The half that speaks to the client.
pub(super) trait Writer: Send {
    /// Writes these messages, in as few packets as they fit in; `TimedOut` after [`STUCK`]. Not cancel-safe either.
    fn write(&mut self, messages: &[Outgoing]) -> impl Future<Output = io::Result<()>> + Send;
}
