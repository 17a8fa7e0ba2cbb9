//! What clients say: `static/PROTOCOL.md`, "From the client". Whatever is wrong is answered by a message that names the
//! member.

use eventcenter_core::id::{DeviceId, Seq};
use serde_json::{Map, Value};

/// The only version there is.
const VERSION: u64 = 1;
/// Largest `window`: as much as an outbox holds. A larger one is a bad frame.
const WINDOW_MAX: u64 = 256;
/// Events that one `ack` may name. More are a bad frame.
const IDS_MAX: usize = 100;

/// What a device may be called.
pub(super) const DEVICE: &str = "1 to 64 of A-Z a-z 0-9 _ -";

/// What a place in a stream is.
pub(super) const SEQ: &str = "a whole number from 0 to 2^63-1";

/// A frame of a client.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ClientFrame {
    /// The first one.
    Hello(Hello),
    /// What it has.
    Ack(Ack),
    /// A fresher token.
    Auth(String),
    /// It wants to know where the stream ends.
    Ping,
    /// It lives.
    Pong,
}

/// How a client begins.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Hello {
    /// Its name; anonymous without one.
    pub(super) device: DeviceId,
    /// Its resume token, unread.
    pub(super) resume: Option<String>,
    /// The last number that it has seen.
    pub(super) after: Option<Seq>,
    /// How many replayed events may be sent beyond the last acknowledged one.
    pub(super) window: Option<u16>,
}

/// What a client has, and what its person did with it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Ack {
    /// Everything up to here was kept.
    pub(super) seq: Option<Seq>,
    /// What the person was shown or read.
    pub(super) ids: Vec<Seen>,
}

/// What a person did with an event.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// The event's public id.
    pub(super) id: String,
    /// What they did.
    pub(super) how: How,
}

/// How an event was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// It was on their screen.
    Displayed,
    /// They opened it.
    Read,
}

/// What is wrong with a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Not JSON, not an object, or a member is wrong.
    BadFrame(String),
    /// A `t` that this version does not know.
    UnknownFrame,
    /// A `hello` of another version.
    UnsupportedVersion,
}

impl ClientFrame {
    /// Reads a text message.
    pub(super) fn read(text: &str) -> Result<Self, Fault> {
        let members = Members::read(text.as_bytes())?;
        match members.text("t")?.ok_or_else(|| wrong("t", "a text"))? {
            "hello" => members.hello().map(Self::Hello),
            "ack" => members.ack().map(Self::Ack),
            "auth" => {
                members.text("token")?.map(|token| Self::Auth(token.to_owned())).ok_or_else(|| wrong("token", "a text"))
            }
            "ping" => Ok(Self::Ping),
            "pong" => Ok(Self::Pong),
            _ => Err(Fault::UnknownFrame),
        }
    }
}

fn wrong(member: &str, wanted: &str) -> Fault {
    Fault::BadFrame(format!("{member} must be {wanted}"))
}

const WINDOW: &str = "a whole number from 1 to 256";

struct Members(Map<String, Value>);

impl Members {
    fn read(json: &[u8]) -> Result<Self, Fault> {
        match serde_json::from_slice(json) {
            Ok(Value::Object(members)) => Ok(Self(members)),
            Ok(_) => Err(Fault::BadFrame("not a JSON object".to_owned())),
            Err(error) => Err(Fault::BadFrame(format!("not JSON: {error}"))),
        }
    }

    fn device(&self) -> Result<DeviceId, Fault> {
        let name = |name| DeviceId::parse(name).ok_or_else(|| wrong("device", DEVICE));
        Ok(self.text("device")?.map(name).transpose()?.unwrap_or_default())
    }

    fn hello(&self) -> Result<Hello, Fault> {
        let version = self.number("v", "the number 1", u64::MAX)?.ok_or_else(|| wrong("v", "the number 1"))?;
        if version != VERSION {
            return Err(Fault::UnsupportedVersion);
        }
        let window = self.number("window", WINDOW, WINDOW_MAX)?;
        if window == Some(0) {
            return Err(wrong("window", WINDOW));
        }
        Ok(Hello {
            device: self.device()?,
            resume: self.text("resume")?.map(str::to_owned),
            after: self.seq("after")?,
            window: window.and_then(|window| window.try_into().ok()),
        })
    }

    fn ack(&self) -> Result<Ack, Fault> {
        let ack = Ack { seq: self.seq("seq")?, ids: self.ids()? };
        if ack == Ack::default() {
            return Err(wrong("seq or ids", "there"));
        }
        Ok(ack)
    }

    fn ids(&self) -> Result<Vec<Seen>, Fault> {
        let Some(ids) = self.get("ids") else { return Ok(Vec::new()) };
        let ids = ids.as_array().filter(|ids| ids.len() <= IDS_MAX);
        ids.ok_or_else(|| wrong("ids", "an array of at most 100"))?.iter().map(Seen::read).collect()
    }

    /// `null` is as good as absent.
    fn get(&self, member: &str) -> Option<&Value> {
        self.0.get(member).filter(|value| !value.is_null())
    }

    fn text(&self, member: &'static str) -> Result<Option<&str>, Fault> {
        self.get(member).map(|value| value.as_str().ok_or_else(|| wrong(member, "a text"))).transpose()
    }

    fn number(&self, member: &str, wanted: &str, max: u64) -> Result<Option<u64>, Fault> {
        let number = |value: &Value| value.as_u64().filter(|number| *number <= max);
        self.get(member).map(|value| number(value).ok_or_else(|| wrong(member, wanted))).transpose()
    }

    fn seq(&self, member: &str) -> Result<Option<Seq>, Fault> {
        let number = self.number(member, SEQ, i64::MAX.unsigned_abs())?;
        Ok(number.and_then(|number| number.try_into().ok()).map(Seq))
    }
}

impl Ack {
    /// Reads an acknowledgement that comes by itself, with the device that it is about.
    pub(super) fn read(json: &[u8]) -> Result<(DeviceId, Self), Fault> {
        let members = Members::read(json)?;
        Ok((members.device()?, members.ack()?))
    }
}

impl Seen {
    fn read(value: &Value) -> Result<Self, Fault> {
        let text = |member: &str| value.get(member).and_then(Value::as_str);
        let how = match text("s") {
            Some("displayed") => How::Displayed,
            Some("read") => How::Read,
            Some(_) | None => return Err(wrong("ids[].s", "displayed or read")),
        };
        let id = text("id").ok_or_else(|| wrong("ids[].id", "a text"))?.to_owned();
        Ok(Self { id, how })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        match ClientFrame::read(text).unwrap_err() {
            Fault::BadFrame(message) => message,
            fault @ (Fault::UnknownFrame | Fault::UnsupportedVersion) => format!("{fault:?}"),
        }
    }

    #[test]
    fn a_hello_may_say_everything_or_almost_nothing() {
        let all = r#"{"t":"hello","v":1,"device":"b3_f-1","resume":"v1.a","after":7,"window":256,"caps":[]}"#;
        let hello = Hello {
            device: DeviceId::parse("b3_f-1").unwrap(),
            resume: Some("v1.a".to_owned()),
            after: Some(Seq(7)),
            window: Some(256),
        };

        assert_eq!(ClientFrame::read(all), Ok(ClientFrame::Hello(hello)));
        let least = r#"{"v":1,"t":"hello","after":null}"#;
        assert_eq!(ClientFrame::read(least), Ok(ClientFrame::Hello(Hello::default())));
    }

    #[test]
    fn an_ack_says_what_was_kept_or_seen_or_both() {
        let both = r#"{"t":"ack","seq":5,"ids":[{"id":"evt_1","s":"displayed"},{"id":"b","s":"read"}]}"#;
        let seen = |id: &str, how| Seen { id: id.to_owned(), how };
        let ids = vec![seen("evt_1", How::Displayed), seen("b", How::Read)];

        assert_eq!(ClientFrame::read(both), Ok(ClientFrame::Ack(Ack { seq: Some(Seq(5)), ids })));
        assert_eq!(fault(r#"{"t":"ack"}"#), "seq or ids must be there");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let name = "x".repeat(65);
        let ids = vec![r#"{"id":"a","s":"read"}"#; 101].join(",");
        for (text, wanted) in [
            ("", "not JSON"),
            ("[1]", "not a JSON object"),
            ("{}", "t must be"),
            (r#"{"t":1}"#, "t must be"),
            (r#"{"t":"hello"}"#, "v must be"),
            (r#"{"t":"hello","v":"1"}"#, "v must be"),
            (r#"{"t":"hello","v":2}"#, "UnsupportedVersion"),
            (r#"{"t":"hello","v":1,"device":""}"#, "device must be"),
            (&format!(r#"{{"t":"hello","v":1,"device":"{name}"}}"#), "device must be"),
            (r#"{"t":"hello","v":1,"device":"a.b"}"#, "device must be"),
            (r#"{"t":"hello","v":1,"resume":7}"#, "resume must be"),
            (r#"{"t":"hello","v":1,"after":-1}"#, "after must be"),
            (r#"{"t":"hello","v":1,"after":9223372036854775808}"#, "after must be"),
            (r#"{"t":"hello","v":1,"after":1.5}"#, "after must be"),
            (r#"{"t":"hello","v":1,"window":0}"#, "window must be"),
            (r#"{"t":"hello","v":1,"window":257}"#, "window must be"),
            (r#"{"t":"ack","seq":"5"}"#, "seq must be"),
            (r#"{"t":"ack","ids":{}}"#, "ids must be"),
            (&format!(r#"{{"t":"ack","ids":[{ids}]}}"#), "ids must be"),
            (r#"{"t":"ack","ids":[{"id":"a","s":"eaten"}]}"#, "ids[].s must be"),
            (r#"{"t":"ack","ids":[{"s":"read"}]}"#, "ids[].id must be"),
            (r#"{"t":"auth"}"#, "token must be"),
            (r#"{"t":"subscribe"}"#, "UnknownFrame"),
        ] {
            assert!(fault(text).starts_with(wanted), "{text}: {}", fault(text));
        }
    }

    #[test]
    fn a_deeply_nested_frame_is_refused_and_not_followed_down() {
        assert!(fault(&"[".repeat(8192)).starts_with("not JSON"));
    }
}
