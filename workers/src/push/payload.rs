//! What a browser gets to read: Declarative Web Push (`"web_push": 8030`), which Safari shows without our
//! service worker's help, and which our service worker reads everywhere else.

use std::borrow::Cow;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use eventcenter_core::event::{Event, Level};
use eventcenter_core::id::UserId;
use serde::Serialize;
use serde_json::value::RawValue;
use url::Url;

use super::encryption::PLAINTEXT_MAX;

/// Longest `navigate`, in bytes. An event whose link is longer, once resolved and escaped, leads to [`FALLBACK`]. With
/// it and an event's own bounds, at least 300 bytes are left for the title whatever the rest.
pub(super) const NAVIGATE_MAX: usize = 2048;
/// Where an event without a link leads, resolved against the app URL.
pub(super) const FALLBACK: &str = "/app";
/// Length of a tag: the most that a `Topic` may have (RFC 8030 §5.4).
const TAG_LEN: usize = 32;
const ELLIPSIS: char = '…';

#[derive(Serialize)]
struct Payload<'a> {
    web_push: u16,
    notification: Notification<'a>,
    event: Summary<'a>,
}

#[derive(Serialize)]
struct Notification<'a> {
    title: Cow<'a, str>,
    body: Cow<'a, str>,
    navigate: &'a str,
    tag: &'a str,
}

/// What a service worker needs to know of the event beyond what is shown.
#[derive(Serialize)]
struct Summary<'a> {
    id: String,
    #[serde(rename = "type")]
    kind: &'a str,
    level: Level,
    user_id: UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    cta_label: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a RawValue>,
}

/// The plaintext of an event's push, at most [`PLAINTEXT_MAX`] bytes. What does not fit is left out in this order: all
/// of `data`, the end of `body`, the end of `title`.
pub(super) fn plaintext(event: &Event, tag: &str, app_url: &Url) -> Result<Vec<u8>, serde_json::Error> {
    const TRIMS: [fn(&mut Payload<'_>, usize); 3] = [
        |payload, _over| payload.event.data = None,
        |payload, over| shorten(&mut payload.notification.body, over),
        |payload, over| shorten(&mut payload.notification.title, over),
    ];
    let navigate = navigate(event, app_url);
    let mut payload = Payload {
        web_push: 8030,
        notification: Notification {
            title: event.title.as_str().into(),
            body: event.body.as_str().into(),
            navigate: &navigate,
            tag,
        },
        event: Summary {
            id: event.public_id(),
            kind: &event.kind,
            level: event.level,
            user_id: event.user_id,
            cta_label: event.cta.as_ref().map(|cta| cta.label.as_str()),
            data: event.data.as_deref(),
        },
    };
    let mut text = serde_json::to_vec(&payload)?;
    for trim in TRIMS {
        let over = text.len().saturating_sub(PLAINTEXT_MAX);
        if over > 0 {
            trim(&mut payload, over);
            text = serde_json::to_vec(&payload)?;
        }
    }
    Ok(text)
}

/// What names the notification on a device and the message at a push service, so that a newer one replaces it.
pub(super) fn tag(event: &Event) -> String {
    let name = event.collapse_key.clone().unwrap_or_else(|| event.public_id());
    let mut tag = BASE64.encode(digest(&SHA256, name.as_bytes()));
    tag.truncate(TAG_LEN);
    tag
}

/// Where a click leads. Only http(s) leaves here, whatever was stored.
fn navigate(event: &Event, app_url: &Url) -> String {
    event
        .cta
        .as_ref()
        .and_then(|cta| app_url.join(&cta.url).ok())
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.as_str().len() <= NAVIGATE_MAX)
        .or_else(|| app_url.join(FALLBACK).ok())
        .map_or_else(|| FALLBACK.to_owned(), String::from)
}

/// Cuts `over` bytes or more off the end, counted as JSON writes them, or everything.
fn shorten(text: &mut Cow<'_, str>, over: usize) {
    let mut left = over + ELLIPSIS.len_utf8();
    let cut = text.char_indices().rev().find_map(|(at, c)| {
        left = left.saturating_sub(json_len(c));
        (left == 0).then_some(at)
    });
    let kept = cut.and_then(|at| text.get(..at)).map(str::trim_end).filter(|kept| !kept.is_empty());
    *text = kept.map_or_else(String::new, |kept| format!("{kept}{ELLIPSIS}")).into();
}

/// How many bytes `serde_json` makes of a character.
const fn json_len(c: char) -> usize {
    match c {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..='\u{1f}' => 6,
        _ => c.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use eventcenter_core::event::{Cta, PublicId};
    use eventcenter_core::id::EventId;
    use serde_json::{Value, json};
    use uuid::Uuid;

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
            channels: Vec::new(),
            channel_hint: None,
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

    fn written(event: &Event) -> Value {
        let text = plaintext(event, &tag(event), &"https://app.example.org/base/".parse().unwrap()).unwrap();
        assert!(text.len() <= PLAINTEXT_MAX, "{}", text.len());
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

        assert_eq!(payload["event"].get("data"), None);
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
        let text = plaintext(&event, &tag(&event), &"https://app.example.org".parse().unwrap()).unwrap();

        assert!((PLAINTEXT_MAX - 1..=PLAINTEXT_MAX).contains(&text.len()), "{}", text.len());
    }

    #[test]
    fn the_largest_event_fits_and_keeps_its_link_and_a_title() {
        let url = format!("https://example.org/{}", "x".repeat(2028));
        let event = Event {
            key: PublicId::Key("👍".repeat(255)),
            kind: "x".repeat(64),
            title: "👍".repeat(256),
            body: "👍".repeat(4096),
            level: Level::Critical,
            user_id: UserId::from_row(i64::MAX),
            cta: Some(Cta { label: "👍".repeat(64), url: url.clone() }),
            ..event()
        };
        let payload = written(&with_data(&json!({"x": "x"}), event));

        assert_eq!(payload["notification"]["navigate"], url);
        assert!(payload["notification"]["title"].as_str().unwrap().len() >= 300);
    }
}
