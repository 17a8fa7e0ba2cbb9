//! What we say to people, as JSON texts. An event is encoded once and shared by all sessions of its person.

use bytes::Bytes;
use eventcenter_core::event::Event;
use eventcenter_core::id::Seq;
use eventcenter_core::store::StreamEntry;
use serde::Serialize;

/// What a frame brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An event that came while the session was open.
    Live,
    /// An event that was there when the session began.
    Replay,
    /// Word of events that retention has taken.
    Gap,
}

/// A text with its place in the person's stream. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// Whoever has this frame has everything up to here.
    pub(super) seq: Seq,
    /// What it brings.
    pub(super) kind: Kind,
    /// The JSON.
    pub(super) text: Bytes,
}

#[derive(Serialize)]
#[serde(tag = "t", rename = "event")]
struct EventFrame<'a> {
    seq: Seq,
    prev: Seq,
    replay: bool,
    event: &'a Event,
}

impl Frame {
    /// An event at its place.
    pub(super) fn event(entry: &StreamEntry, kind: Kind) -> Result<Self, serde_json::Error> {
        let frame = EventFrame {
            seq: entry.seq,
            prev: Seq(entry.seq.0 - 1),
            replay: kind == Kind::Replay,
            event: &entry.event,
        };
        Ok(Self { seq: entry.seq, kind, text: serde_json::to_vec(&frame)?.into() })
    }

    /// Says that everything from `from` to `to`, both included, is gone.
    pub(super) fn gap(from: Seq, to: Seq) -> Self {
        let text = format!(r#"{{"t":"gap","from":{from},"to":{to}}}"#);
        Self { seq: to, kind: Kind::Gap, text: text.into() }
    }
}

/// Answers an `after` that this stream has not reached.
pub(super) fn after_is_ahead(head: Seq) -> Bytes {
    format!(
        r#"{{"t":"error","code":"after_is_ahead","message":"after is beyond the end of the stream","head":{head}}}"#
    )
    .into()
}

/// Answers whatever a client says: so far there is nothing that it may say.
pub(super) const UNKNOWN_FRAME: Bytes =
    Bytes::from_static(br#"{"t":"error","code":"unknown_frame","message":"this server knows no such frame"}"#);

#[cfg(test)]
mod tests {
    use eventcenter_core::event::{Level, PublicId};
    use eventcenter_core::id::{EventId, UserId};
    use serde_json::{Value, json};

    use super::*;

    fn entry() -> StreamEntry {
        let id = EventId::parse("evt_01a20692a88e72f1824ea4cc05cff2e1").unwrap();
        let event = Event {
            id,
            key: PublicId::Id(id),
            user_id: UserId::from_row(42),
            kind: "job.done".to_owned(),
            title: "Ready".to_owned(),
            body: String::new(),
            level: Level::Info,
            channels: Vec::new(),
            channel_hint: None,
            cta: None,
            data: serde_json::from_str(r#"{"percent":  100}"#).unwrap(),
            deliver_at: None,
            expires_at: None,
            collapse_key: None,
            created_at: "2026-11-23T09:00:00Z".parse().unwrap(),
        };
        StreamEntry { seq: Seq(7), event }
    }

    #[test]
    fn an_event_frame_carries_its_place_and_the_event_as_http_shows_it() {
        let entry = entry();

        let frame = Frame::event(&entry, Kind::Replay).unwrap();

        let json: Value = serde_json::from_slice(&frame.text).unwrap();
        let event = serde_json::to_value(&entry.event).unwrap();
        assert_eq!(json, json!({"t": "event", "seq": 7, "prev": 6, "replay": true, "event": event}));
        assert_eq!(json["event"]["data"], json!({"percent": 100}));
        assert!(frame.text.starts_with(br#"{"t":"event","seq":7,"#));
    }

    #[test]
    fn live_events_say_that_they_are_no_replay() {
        let frame = Frame::event(&entry(), Kind::Live).unwrap();

        assert_eq!(serde_json::from_slice::<Value>(&frame.text).unwrap()["replay"], json!(false));
    }

    #[test]
    fn what_is_written_by_hand_is_json() {
        for text in [Frame::gap(Seq(1), Seq(5)).text, after_is_ahead(Seq(5)), UNKNOWN_FRAME] {
            assert!(serde_json::from_slice::<Value>(&text).unwrap()["t"].is_string());
        }
    }
}
