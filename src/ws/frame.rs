//! What we say to clients: `static/PROTOCOL.md`, "From the server". A frame is encoded once, as it goes over the wire, and
//! shared by all sessions that are sent it.

use bytes::Bytes;
use eventcenter_core::event::PlannedEvent;
use eventcenter_core::id::{Epoch, Seq, UserId};
use eventcenter_core::store::StreamEntry;
use serde::Serialize;
use uuid::Uuid;

use super::end::End;
use super::socket::{self, HEAD_MAX};

/// Where a client reads the present state after a gap.
const SYNC: &str = "/api/inbox";

/// A text for a client, with the WebSocket header before it. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// Whoever has this frame has everything up to here: what an `id` of a server-sent event says. `None` for a frame that
    /// says nothing of that.
    pub(super) at: Option<Seq>,
    wire: Bytes,
    /// How long the header is.
    head: usize,
}

/// What a frame of a stream brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An event that came while the session was open.
    Live,
    /// An event that was there when the session began.
    Replay,
    /// Word of events that will never come.
    Gap,
}

/// A frame with its place in the person's stream.
#[derive(Clone, Debug)]
pub(super) struct StreamFrame {
    /// Whoever has this frame has everything up to here.
    pub(super) seq: Seq,
    /// What it brings.
    pub(super) kind: Kind,
    /// The frame.
    pub(super) frame: Frame,
}

/// Why numbers will never come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Lost {
    /// They are older than the inbox is kept.
    Retention,
    /// The position is from before the database was restored or truncated.
    Epoch,
    /// The position lies beyond the stream's end.
    Ahead,
}

/// The codes of `error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ErrorCode {
    /// Not JSON, not an object, or a member is wrong.
    BadFrame,
    /// A `t` that we do not know.
    UnknownFrame,
    /// A second `hello`, or one in a plain stream.
    UnexpectedHello,
    /// Another version of the protocol.
    UnsupportedVersion,
    /// A token that we did not make for this person's device.
    BadResume,
    /// An ack of what was never sent.
    AckAhead,
    /// A plain stream's `after` beyond its end.
    AfterIsAhead,
    /// An `auth` token that does not verify.
    BadToken,
    /// An `auth` token of another person.
    OtherUser,
    /// Close to the limit of messages.
    RateLimited,
}

impl ErrorCode {
    /// The label of `eventcenter_ws_errors_total`, as in JSON.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::BadFrame => "bad_frame",
            Self::UnknownFrame => "unknown_frame",
            Self::UnexpectedHello => "unexpected_hello",
            Self::UnsupportedVersion => "unsupported_version",
            Self::BadResume => "bad_resume",
            Self::AckAhead => "ack_ahead",
            Self::AfterIsAhead => "after_is_ahead",
            Self::BadToken => "bad_token",
            Self::OtherUser => "other_user",
            Self::RateLimited => "rate_limited",
        }
    }
}

/// Where a session begins, for its client.
#[derive(Debug, Serialize)]
pub(super) struct Welcome<'a> {
    pub(super) v: u8,
    #[serde(serialize_with = "serialize_simple")]
    pub(super) session: Uuid,
    pub(super) user: UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) device: Option<&'a str>,
    pub(super) epoch: Epoch,
    pub(super) head: Seq,
    pub(super) from: Seq,
    pub(super) resumed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) window: Option<u16>,
    pub(super) max_frame: usize,
    pub(super) ping_ms: u128,
    pub(super) pong_ms: u128,
    pub(super) token_exp: i64,
    pub(super) resume: String,
}

fn serialize_simple<S: serde::Serializer>(id: &Uuid, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&id.simple())
}

/// Everything that we say, but for what [`super::Node::tell`] is given.
#[derive(Debug, Serialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub(super) enum ServerFrame<'a> {
    Welcome(Welcome<'a>),
    Event {
        seq: Seq,
        prev: Seq,
        replay: bool,
        event: &'a PlannedEvent,
    },
    ReplayDone {
        to: Seq,
        count: u64,
        resume: String,
    },
    Gap {
        from: Seq,
        to: Seq,
        reason: Lost,
        sync: &'static str,
    },
    Ping {
        head: Seq,
        resume: String,
    },
    Pong {
        head: Seq,
    },
    AuthRequired {
        token_exp: i64,
    },
    AuthOk {
        token_exp: i64,
    },
    Error {
        code: ErrorCode,
        message: &'a str,
        fatal: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        head: Option<Seq>,
    },
    Bye {
        code: u16,
        reason: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_ms: Option<[u64; 2]>,
    },
}

impl Frame {
    /// A frame whose JSON is made already.
    pub(super) fn text(json: &[u8]) -> Self {
        let mut wire = vec![0; HEAD_MAX];
        wire.extend_from_slice(json);
        Self::after_room(wire)
    }

    /// Encodes a frame. `None`, and a line in the log, for an event whose data is no JSON, which the database would not
    /// have stored.
    pub(super) fn of(frame: &ServerFrame<'_>) -> Option<Self> {
        let mut wire = vec![0; HEAD_MAX];
        match serde_json::to_writer(&mut wire, frame) {
            Ok(()) => Some(Self::after_room(wire)),
            Err(error) => {
                tracing::error!(%error, "a frame cannot be encoded");
                None
            }
        }
    }

    /// The same, with the position that it brings its client to.
    pub(super) fn at(seq: Seq, frame: &ServerFrame<'_>) -> Option<Self> {
        Self::of(frame).map(|frame| Self { at: Some(seq), ..frame })
    }

    /// The last frame to a client that should come back; `None` for one that should not.
    pub(super) fn bye(end: End) -> Option<Self> {
        let (code, retry_ms) = (end.code()?, end.retry_ms()?);
        Self::of(&ServerFrame::Bye { code, reason: end.reason(), retry_ms: Some(retry_ms) })
    }

    /// The last frame to a client that should not, on a transport that has no close code.
    pub(super) fn farewell(end: End) -> Option<Self> {
        let code = end.code().filter(|_| end.retry_ms().is_none())?;
        Self::of(&ServerFrame::Bye { code, reason: end.reason(), retry_ms: None })
    }

    /// WebSocket's own ping, which browsers answer by themselves. Without JSON.
    pub(super) const fn ping() -> Self {
        Self { at: None, wire: Bytes::from_static(b"\x89\0"), head: 2 }
    }

    /// Puts the header right before the JSON, which follows [`HEAD_MAX`] bytes of room for it.
    fn after_room(mut wire: Vec<u8>) -> Self {
        let head = socket::write_head(&mut wire);
        Self { at: None, wire: Bytes::from(wire).slice(HEAD_MAX - head..), head }
    }

    /// As it goes over a WebSocket.
    pub(super) fn wire(&self) -> Bytes {
        self.wire.clone()
    }

    /// How much it weighs, in bytes.
    pub(super) fn len(&self) -> usize {
        self.wire.len()
    }

    /// The JSON alone.
    pub(super) fn json(&self) -> Bytes {
        self.wire.slice(self.head..)
    }
}

impl StreamFrame {
    /// An event at its place.
    pub(super) fn event(entry: &StreamEntry, kind: Kind) -> Option<Self> {
        let StreamEntry { seq, planned } = entry;
        let prev = Seq(seq.0 - 1);
        let frame = ServerFrame::Event { seq: *seq, prev, replay: kind == Kind::Replay, event: planned };
        Some(Self { seq: *seq, kind, frame: Frame::at(*seq, &frame)? })
    }

    /// Says that everything from `from` to `to`, both included, will never come.
    pub(super) fn gap(from: Seq, to: Seq, reason: Lost) -> Option<Self> {
        let frame = Frame::at(to, &ServerFrame::Gap { from, to, reason, sync: SYNC })?;
        Some(Self { seq: to, kind: Kind::Gap, frame })
    }
}

#[cfg(test)]
mod tests;
