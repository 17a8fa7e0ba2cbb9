use eventcenter_core::event::{Cta, PublicId};
use eventcenter_core::id::EventId;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::ack::ACK_TOKEN_LEN;
use super::*;

fn event() -> Event {
    let id = EventId::from_row(Uuid::from_u128(7));
    Event {
        id,
        key: PublicId::Id(id),
        user_id: UserId::from_row(42),
        kind: "job.done".to_owned(),
        title: "Ready".to_owned(),
        body: "Your photo is ready".to_owned(),
        level: Level::Info,
        cta: None,
        data: None,
        deliver_at: None,
        expires_at: None,
        collapse_key: None,
        created_at: jiff::Timestamp::UNIX_EPOCH,
    }
}

fn linked(url: &str) -> Event {
    Event { cta: Some(Cta { label: "Open".to_owned(), url: url.to_owned() }), ..event() }
}

fn with_data(value: &Value, event: Event) -> Event {
    Event { data: Some(serde_json::value::to_raw_value(value).unwrap()), ..event }
}

/// As long as a real one.
fn token() -> String {
    "t".repeat(ACK_TOKEN_LEN)
}

fn text(event: &Event, size: Size) -> Vec<u8> {
    plaintext(event, &tag(event), &"https://app.example.org/base/".parse().unwrap(), &token(), size).unwrap()
}

fn written(event: &Event) -> Value {
    let text = text(event, Size::Whole);
    assert!(text.len() <= PLAINTEXT_MAX, "{}", text.len());
    serde_json::from_slice(&text).unwrap()
}

fn stub(event: &Event) -> Value {
    let text = text(event, Size::Stub);
    assert!(text.len() <= STUB_MAX, "{}", text.len());
    serde_json::from_slice(&text).unwrap()
}

#[test]
fn the_payload_is_declarative_and_says_what_event_it_is() {
    let event = with_data(&json!({"photo": 7}), linked("/photos/7"));

    assert_eq!(
        written(&event),
        json!({
            "web_push": 8030,
            "notification": {
                "title": "Ready",
                "body": "Your photo is ready",
                "navigate": "https://app.example.org/photos/7",
                "tag": tag(&event),
            },
            "event": {
                "id": "evt_00000000000000000000000000000007",
                "type": "job.done",
                "level": "info",
                "user_id": 42,
                "cta_label": "Open",
                "data": {"photo": 7},
            },
            "ack": {"url": "/api/push/ack", "token": token()},
        })
    );
}

#[test]
fn a_click_leads_to_the_app_when_the_link_does_not_serve() {
    let leads_to = |event: &Event| written(event)["notification"]["navigate"].as_str().unwrap().to_owned();

    assert_eq!(leads_to(&linked("https://other.example/x?y#z")), "https://other.example/x?y#z");
    let too_long_once_escaped = format!("/{}", "я".repeat(500));
    for event in [event(), linked("javascript:alert(1)"), linked(&too_long_once_escaped)] {
        assert_eq!(leads_to(&event), "https://app.example.org/app");
    }
}

#[test]
fn a_tag_names_the_collapse_key_else_the_event() {
    let collapsed = |key: &str| tag(&Event { collapse_key: Some(key.to_owned()), ..event() });
    let named = Event { key: PublicId::Key("order-7".to_owned()), ..event() };

    assert_eq!(tag(&named), collapsed("order-7"));
    assert_ne!(tag(&event()), tag(&named));
    assert_eq!(tag(&named).len(), 32);
    assert!(tag(&named).chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_'));
}

#[test]
fn data_goes_first_and_whole() {
    let payload = written(&with_data(&json!({"text": "x".repeat(4000)}), event()));

    assert_eq!((payload["event"].get("data"), &payload["event"]["trimmed"]), (None, &json!(true)));
    assert_eq!(payload["notification"]["body"], "Your photo is ready");
}

#[test]
fn then_the_body_is_cut_between_characters() {
    for letter in ["x", "я", "\n", "\"", "\u{1}", "👍🏽"] {
        let body = letter.repeat(16 * 1024 / letter.len());
        let payload = written(&Event { body: body.clone(), ..event() });
        let shown = payload["notification"]["body"].as_str().unwrap();
        let kept = shown.trim_end_matches(ELLIPSIS);

        assert!(body.starts_with(kept) && kept.len() < body.len(), "{letter:?}");
        assert_eq!(payload["notification"]["title"], "Ready");
        assert!(shown.is_empty() || shown.ends_with(ELLIPSIS), "{letter:?}");
    }
}

#[test]
fn a_cut_body_fills_what_is_left() {
    let event = Event { body: "я".repeat(8 * 1024), ..event() };
    let text = text(&event, Size::Whole);

    assert!((PLAINTEXT_MAX - 1..=PLAINTEXT_MAX).contains(&text.len()), "{}", text.len());
}

/// Everything as long as an event may have it.
fn largest() -> Event {
    let event = Event {
        key: PublicId::Key("👍".repeat(255)),
        kind: "x".repeat(64),
        title: "👍".repeat(256),
        body: "👍".repeat(4096),
        level: Level::Critical,
        user_id: UserId::from_row(i64::MAX),
        cta: Some(Cta { label: "👍".repeat(64), url: format!("https://example.org/{}", "x".repeat(2028)) }),
        ..event()
    };
    with_data(&json!({"x": "x"}), event)
}

#[test]
fn the_largest_event_fits_and_keeps_its_link_and_a_title() {
    let payload = written(&largest());

    assert_eq!(payload["notification"]["navigate"], largest().cta.unwrap().url);
    assert!(payload["notification"]["title"].as_str().unwrap().len() >= 300);
    assert_eq!(payload["event"].get("cta_label"), None);
}

#[test]
fn the_longest_title_and_link_of_an_ordinary_event_are_kept_whole() {
    let largest = largest();
    let payload = written(&Event { key: event().key, ..largest.clone() });

    assert_eq!(payload["notification"]["title"], largest.title);
    assert_eq!(payload["notification"]["navigate"], largest.cta.unwrap().url);
}

#[test]
fn a_stub_says_that_there_is_something_and_leads_there() {
    let small = with_data(&json!({"photo": 7}), linked("/photos/7"));
    let payload = stub(&small);

    assert_eq!(payload["notification"]["title"], "Ready");
    assert_eq!(payload["notification"]["body"], "");
    assert_eq!(payload["notification"]["navigate"], "https://app.example.org/photos/7");
    assert_eq!((payload["event"].get("data"), &payload["event"]["trimmed"]), (None, &json!(true)));
    assert_eq!(payload["ack"]["token"], token());
    let largest = stub(&largest());
    assert_eq!(largest["notification"]["navigate"], "https://app.example.org/app");
    assert!(largest["notification"]["title"].as_str().unwrap().len() >= 100, "{largest}");
}
