//! How sessions end, and what their clients are told to do then: `static/PROTOCOL.md`, "Close codes".

use std::time::Duration;

/// What clients are given to come back after a fault that passes, in milliseconds.
const BACKOFF_MS: [u64; 2] = [1000, 30_000];
/// And where nothing stands against coming back at once. A little apart, since many may be told the same.
const SOON_MS: [u64; 2] = [0, 1000];

/// What a client did that RFC 6455 does not allow, or that we do not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Violation {
    /// It is not WebSocket: an unmasked frame, a reserved bit, a fragmented ping.
    Protocol,
    /// A binary message.
    Binary,
    /// A text that is not UTF-8.
    NotUtf8,
    /// A message above [`super::socket::MESSAGE_MAX`].
    TooBig,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The client closed it, with this code.
    Client(u16),
    /// The connection broke, or ended without a close.
    Gone,
    /// The client broke the rules of the transport.
    Violation(Violation),
    /// A frame that is wrong.
    BadRequest,
    /// No token, a wrong one, or another person's.
    Unauthorized,
    /// A `hello` of another version.
    UnsupportedVersion,
    /// The person was logged out.
    Revoked,
    /// The same device has a newer session.
    Replaced,
    /// The database did not say in time where the session may begin.
    Overloaded,
    /// No `hello` came.
    HelloTimeout,
    /// The socket took nothing for [`super::socket::STUCK`].
    SlowConsumer,
    /// The client says too much.
    RateLimited,
    /// The person has too many sessions, and this is the oldest.
    TooManySessions,
    /// Nothing answered a ping.
    PongTimeout,
    /// The token ended, and no fresher one came.
    TokenExpired,
    /// The process stops; sessions come back spread over this time.
    Drain(Duration),
    /// It has lasted long enough for one request of HTTP.
    Rotation,
    /// The stream ends before the session's position.
    Resync,
}

impl End {
    /// The label of `eventcenter_ws_closed_total`.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Client(_) => "client",
            Self::Gone => "gone",
            Self::Violation(Violation::Protocol) => "protocol",
            Self::Violation(Violation::Binary) => "binary",
            Self::Violation(Violation::NotUtf8) => "not_utf8",
            Self::Violation(Violation::TooBig) => "too_big",
            Self::BadRequest => "bad_request",
            Self::Unauthorized => "unauthorized",
            Self::UnsupportedVersion => "unsupported_version",
            Self::Revoked => "revoked",
            Self::Replaced => "replaced",
            Self::Overloaded => "overloaded",
            Self::HelloTimeout => "hello_timeout",
            Self::SlowConsumer => "slow_consumer",
            Self::RateLimited => "rate_limited",
            Self::TooManySessions => "too_many_sessions",
            Self::PongTimeout => "pong_timeout",
            Self::TokenExpired => "token_expired",
            Self::Drain(_) | Self::Rotation => "drain",
            Self::Resync => "resync",
        }
    }

    /// The close code; `None` where no frame can reach the client any more.
    pub(super) const fn code(self) -> Option<u16> {
        Some(match self {
            Self::Client(code) => code,
            Self::Gone | Self::SlowConsumer => return None,
            Self::Violation(Violation::Protocol) => 1002,
            Self::Violation(Violation::Binary) => 1003,
            Self::Violation(Violation::NotUtf8) => 1007,
            Self::Violation(Violation::TooBig) => 1009,
            Self::BadRequest => 4000,
            Self::Unauthorized => 4001,
            Self::UnsupportedVersion => 4004,
            Self::Revoked => 4006,
            Self::Replaced => 4007,
            Self::Overloaded => 4101,
            Self::HelloTimeout => 4102,
            Self::RateLimited => 4104,
            Self::TooManySessions => 4105,
            Self::PongTimeout => 4200,
            Self::TokenExpired => 4201,
            Self::Drain(_) | Self::Rotation => 4202,
            Self::Resync => 4203,
        })
    }

    /// The same in words: the reason of the close frame and of `bye`. At most 123 bytes (RFC 6455 §5.5).
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Client(_) | Self::Gone | Self::SlowConsumer => "",
            Self::Violation(Violation::Protocol) => "not WebSocket as in RFC 6455",
            Self::Violation(Violation::Binary) => "binary messages are not understood",
            Self::Violation(Violation::NotUtf8) => "not UTF-8",
            Self::Violation(Violation::TooBig) => "a message has at most 8192 bytes",
            Self::BadRequest => "a frame is wrong",
            Self::Unauthorized => "the token does not count",
            Self::UnsupportedVersion => "this server speaks version 1",
            Self::Revoked => "the person was logged out",
            Self::Replaced => "the device has a newer session",
            Self::Overloaded => "the node is overloaded",
            Self::HelloTimeout => "no hello came",
            Self::RateLimited => "too many messages",
            Self::TooManySessions => "the person has too many sessions",
            Self::PongTimeout => "no answer to a ping",
            Self::TokenExpired => "the token has ended",
            Self::Drain(_) => "the node is stopping",
            Self::Rotation => "the stream is to be opened again",
            Self::Resync => "the position does not fit the stream",
        }
    }

    /// Between which times, in milliseconds, the client should come back by itself; `None` when it should not.
    pub(super) fn retry_ms(self) -> Option<[u64; 2]> {
        match self {
            Self::Client(_)
            | Self::Gone
            | Self::SlowConsumer
            | Self::Violation(_)
            | Self::BadRequest
            | Self::Unauthorized
            | Self::UnsupportedVersion
            | Self::Revoked
            | Self::Replaced
            | Self::TooManySessions => None,
            Self::Overloaded | Self::HelloTimeout | Self::RateLimited => Some(BACKOFF_MS),
            Self::PongTimeout | Self::TokenExpired | Self::Rotation | Self::Resync => Some(SOON_MS),
            Self::Drain(over) => Some([0, u64::try_from(over.as_millis()).unwrap_or(u64::MAX)]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [End; 21] = [
        End::Client(1000),
        End::Gone,
        End::Violation(Violation::Protocol),
        End::Violation(Violation::Binary),
        End::Violation(Violation::NotUtf8),
        End::Violation(Violation::TooBig),
        End::BadRequest,
        End::Unauthorized,
        End::UnsupportedVersion,
        End::Revoked,
        End::Replaced,
        End::Overloaded,
        End::HelloTimeout,
        End::SlowConsumer,
        End::RateLimited,
        End::TooManySessions,
        End::PongTimeout,
        End::TokenExpired,
        End::Drain(Duration::from_secs(20)),
        End::Rotation,
        End::Resync,
    ];

    #[test]
    fn every_reason_fits_a_control_frame() {
        assert!(ALL.iter().all(|end| end.reason().len() <= 123));
    }

    #[test]
    fn a_client_is_told_to_come_back_exactly_where_the_class_of_the_code_says_so() {
        for end in ALL {
            let comes_back = end.code().is_some_and(|code| (4100..4300).contains(&code) && code != 4105);
            assert_eq!(end.retry_ms().is_some(), comes_back, "{end:?}");
        }
    }

    #[test]
    fn every_code_is_documented_with_its_name() {
        let page = include_str!("../../static/PROTOCOL.md");
        for end in ALL {
            if let Some(code @ 4000..) = end.code() {
                assert!(page.contains(&format!("| {code} `{}` |", end.as_str())), "{code} {}", end.as_str());
            }
        }
    }
}
