//! What a server's answer means: a pure table from phase and reply to outcome.

use std::error::Error as _;
use std::fmt;

use eventcenter_core::delivery::{Fault, OnAmbiguous, Outcome};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::response::Response;

use super::address::shorten_all;

#[cfg(test)]
mod tests;

/// Longest reply that is kept, in characters; the rest is cut.
const REPLY_MAX: usize = 200;

/// A step of the conversation (RFC 5321, section 4.1.1). The same reply means different things in different phases:
/// before [`Phase::Recipient`] it is about us, from there on about this mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// TCP, and TLS where it comes first.
    Connect,
    /// Greeting, EHLO and STARTTLS.
    Hello,
    /// AUTH.
    Auth,
    /// MAIL FROM.
    Sender,
    /// RCPT TO.
    Recipient,
    /// DATA, up to the go-ahead.
    Data,
    /// The content and its final dot. A reply lost here is ambiguous: the mail may have been taken.
    Content,
    /// The wait for a free connection, or all of the above together.
    Whole,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connect",
            Self::Hello => "EHLO",
            Self::Auth => "AUTH",
            Self::Sender => "MAIL FROM",
            Self::Recipient => "RCPT TO",
            Self::Data => "DATA",
            Self::Content => "the final dot",
            Self::Whole => "the whole delivery",
        })
    }
}

/// Whom a failure concerns, and with it who should wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Concern {
    /// This server: another one may take the mail, and this one has a rest.
    Server,
    /// Our own settings at this server: nothing gets through before somebody mends them.
    Settings,
    /// The recipient's domain, which asks for patience.
    Domain,
    /// This mail or its recipient.
    Mail,
    /// Nobody knows: the server may have taken the mail.
    Unknown,
}

/// Why a mail was not accepted.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    /// The server said no: 4xx or 5xx.
    Reply {
        /// To what.
        phase: Phase,
        /// The three digits.
        code: u16,
        /// The rest, which begins with the enhanced code if there is one.
        text: String,
    },
    /// The connection could not be made, or it broke.
    Broken {
        /// Where.
        phase: Phase,
        /// As the operating system or TLS puts it.
        detail: String,
    },
    /// The server cannot do what our configuration asks for.
    Unsupported {
        /// Where.
        phase: Phase,
        /// What is missing.
        detail: String,
    },
    /// No answer in time.
    Timeout(Phase),
}

impl Failure {
    /// Sorts lettre's error. It has no public name for a broken connection, which therefore comes last.
    pub(super) fn of(phase: Phase, error: &Error) -> Self {
        let detail = error.source().map_or_else(|| error.to_string(), ToString::to_string);
        if let Some(code) = error.status() {
            Self::Reply { phase, code: code.into(), text: detail }
        } else if error.is_timeout() {
            Self::Timeout(phase)
        } else if error.is_client() {
            Self::Unsupported { phase, detail }
        } else {
            Self::Broken { phase, detail }
        }
    }

    /// Whether it only says that a connection was no longer good: servers close what was idle, with or without a 421
    /// (RFC 5321, section 3.8). No mail was under way yet.
    pub(super) fn means_stale(&self) -> bool {
        matches!(self, Self::Broken { phase: Phase::Sender, .. } | Self::Reply { phase: Phase::Sender, code: 421, .. })
    }

    /// Whether the connection is still of use once the server has forgotten this recipient. A refusal that passes may be
    /// about the connection: kept, it would meet every next try.
    pub(super) fn leaves_a_connection(&self) -> bool {
        matches!(self, Self::Reply { phase: Phase::Recipient, code: 500.., .. })
    }

    /// Whom it concerns. The same reply means different things in different phases.
    pub(super) fn concerns(&self) -> Concern {
        match self {
            Self::Reply { phase, code, text } => concern(*phase, *code, enhanced(text)),
            Self::Unsupported { .. } => Concern::Settings,
            Self::Broken { phase: Phase::Content, .. } | Self::Timeout(Phase::Content) => Concern::Unknown,
            // A server may look long for one recipient, and at others it does not.
            Self::Timeout(Phase::Recipient | Phase::Data | Phase::Whole) => Concern::Mail,
            Self::Broken { .. } | Self::Timeout(_) => Concern::Server,
        }
    }

    /// What follows for the delivery. Whatever may be our own fault, or passes, is tried again; a row fails only
    /// when the server refuses this recipient or this mail for good.
    pub(super) fn outcome(&self, on_ambiguous: OnAmbiguous) -> Outcome {
        match (self.concerns(), self) {
            (Concern::Settings, _) => retry(Fault::Misconfigured),
            (Concern::Domain, _) => retry(Fault::Throttled),
            (Concern::Unknown, _) => match on_ambiguous {
                OnAmbiguous::Retry => retry(Fault::Ambiguous),
                OnAmbiguous::Settle => Outcome::Failed(Fault::Ambiguous),
            },
            (Concern::Server | Concern::Mail, Self::Reply { phase, code, text }) => {
                refusal(*phase, *code, enhanced(text))
            }
            (Concern::Server | Concern::Mail, Self::Broken { .. } | Self::Unsupported { .. }) => {
                retry(Fault::Unreachable)
            }
            (Concern::Server | Concern::Mail, Self::Timeout(_)) => retry(Fault::Timeout),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reply { code, text, .. } => write!(f, "{code} {text}"),
            Self::Broken { phase, detail } | Self::Unsupported { phase, detail } => {
                write!(f, "{phase}: {detail}")
            }
            Self::Timeout(phase) => write!(f, "no answer in time to {phase}"),
        }
    }
}

/// The server's words when it took the mail: `250 2.0.0 Ok: queued as 4F2`.
pub(super) fn accepted(response: &Response) -> String {
    let words: Vec<&str> = response.message().collect();
    format!("{} {}", response.code(), words.join(" "))
}

/// A reply as attempts may keep it: one line of bounded length that repeats no address whole.
pub(super) fn presentable(reply: &str) -> String {
    let words: Vec<&str> =
        reply.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    shorten_all(&words.join(" ")).chars().take(REPLY_MAX).collect()
}

const fn retry(fault: Fault) -> Outcome {
    Outcome::Retry { fault, after: None }
}

/// 530, 534, 535 and 538 ask for other credentials (RFC 4954), in any phase; what is refused for good before there is a
/// recipient is our own sender or login. x.7.x with a 4 is a policy that passes (RFC 3463 §3.8), of the recipient's domain
/// once it is known.
const fn concern(phase: Phase, code: u16, enhanced: Option<[u16; 3]>) -> Concern {
    match (phase, code, enhanced) {
        (_, 530 | 534 | 535 | 538, _) | (Phase::Auth | Phase::Sender, 500.., _) => Concern::Settings,
        (Phase::Recipient | Phase::Data | Phase::Content, 400..500, Some([4, 7, _])) => Concern::Domain,
        (Phase::Connect | Phase::Hello | Phase::Auth | Phase::Sender | Phase::Whole, ..) | (_, 421, _) => {
            Concern::Server
        }
        (Phase::Recipient | Phase::Data | Phase::Content, ..) => Concern::Mail,
    }
}

/// RFC 5321, section 4.2.3 and RFC 3463, for what is neither our settings' fault nor a domain's patience.
const fn refusal(phase: Phase, code: u16, enhanced: Option<[u16; 3]>) -> Outcome {
    let fault = match (phase, enhanced) {
        _ if code == 421 => return retry(Fault::Throttled),
        _ if code < 500 => return retry(Fault::ProviderError),
        (Phase::Connect | Phase::Hello | Phase::Auth | Phase::Sender | Phase::Whole, _) => {
            return retry(Fault::ProviderError);
        }
        (Phase::Recipient | Phase::Data | Phase::Content, Some([5, 3, 4] | [5, 2, 3])) => Fault::TooLarge,
        // 5.1.7 and 5.1.8 are about the sender's address; 5.2.1 is a mailbox that is switched off.
        (Phase::Recipient | Phase::Data | Phase::Content, Some([5, 1, 7 | 8])) => Fault::Refused,
        (Phase::Recipient | Phase::Data | Phase::Content, Some([5, 1, _] | [5, 2, 1])) => Fault::NoSuchAddress,
        (Phase::Recipient | Phase::Data | Phase::Content, _) => Fault::Refused,
    };
    Outcome::Failed(fault)
}

/// The enhanced status code (RFC 2034) that a reply's text begins with.
fn enhanced(text: &str) -> Option<[u16; 3]> {
    let mut numbers = text.split_whitespace().next()?.split('.').map(|number| number.parse().ok());
    let code = [numbers.next()??, numbers.next()??, numbers.next()??];
    numbers.next().is_none().then_some(code)
}
