use eventcenter_core::event::{Event, Level, PublicId};
use eventcenter_core::id::EventId;
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
        cta: None,
        data: serde_json::from_str(r#"{"percent":  100}"#).unwrap(),
        deliver_at: None,
        expires_at: None,
        collapse_key: None,
        created_at: "2026-11-23T09:00:00Z".parse().unwrap(),
    };
    StreamEntry { seq: Seq(7), planned: PlannedEvent { event, channels: Vec::new(), channel_hint: None } }
}

fn json_of(frame: &Frame) -> Value {
    serde_json::from_slice(&frame.json()).unwrap()
}

#[test]
fn an_event_frame_carries_its_place_and_the_event_as_http_shows_it() {
    let entry = entry();

    let frame = StreamFrame::event(&entry, Kind::Replay).unwrap().frame;

    let event = serde_json::to_value(&entry.planned).unwrap();
    assert_eq!(json_of(&frame), json!({"t": "event", "seq": 7, "prev": 6, "replay": true, "event": event}));
    assert_eq!(json_of(&frame)["event"]["data"], json!({"percent": 100}));
    assert!(frame.json().starts_with(br#"{"t":"event","seq":7,"#));
    assert_eq!(frame.at, Some(Seq(7)));
}

#[test]
fn live_events_say_that_they_are_no_replay() {
    let frame = StreamFrame::event(&entry(), Kind::Live).unwrap().frame;

    assert_eq!(json_of(&frame)["replay"], json!(false));
}

#[test]
fn the_header_stands_right_before_the_json_whatever_its_length() {
    for (length, head) in [(0, vec![0x81, 0]), (125, vec![0x81, 125]), (126, vec![0x81, 126, 0, 126])] {
        let json = vec![b' '; length];

        let frame = Frame::text(&json);

        assert_eq!(frame.wire(), [head, json.clone()].concat());
        assert_eq!(frame.json(), json);
    }
    let long = Frame::text(&vec![b' '; 65_536]);
    assert_eq!(long.wire()[..10], [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
}

#[test]
fn error_codes_are_called_the_same_in_json_and_in_metrics() {
    for code in [ErrorCode::BadFrame, ErrorCode::UnexpectedHello, ErrorCode::AfterIsAhead, ErrorCode::RateLimited] {
        assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
    }
}
