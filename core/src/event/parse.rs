//! From JSON to a [`NewEvent`]: every fault is found and named at once. The database holds the same bounds as CHECKs,
//! for those who insert by SQL.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{
    BODY_MAX, CTA_LABEL_MAX, CTA_URL_MAX, ChannelHint, Cta, DATA_MAX, KEY_MAX, Level, NewEvent, TITLE_MAX, TYPE_MAX,
};
use crate::delivery::Channel;
use crate::id::UserId;

const FIELDS: [&str; 13] = [
    "id",
    "user_id",
    "type",
    "title",
    "body",
    "level",
    "channels",
    "channel_hint",
    "cta",
    "data",
    "deliver_at",
    "expires_at",
    "collapse_key",
];

/// One thing that is wrong with an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct InvalidField {
    /// The field, as a path: `cta.url`.
    pub field: String,
    /// What it must be.
    pub message: String,
}

/// Everything that is wrong with an event; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidEvent(pub Vec<InvalidField>);

impl fmt::Display for InvalidEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, InvalidField { field, message }) in self.0.iter().enumerate() {
            let separator = if i == 0 { "" } else { "; " };
            write!(f, "{separator}{field} {message}")?;
        }
        Ok(())
    }
}

impl std::error::Error for InvalidEvent {}

impl NewEvent {
    /// Reads the JSON of `POST /events`, or says everything that is wrong with it.
    pub fn from_json(json: &Value) -> Result<Self, InvalidEvent> {
        let Some(fields) = json.as_object() else {
            return Err(InvalidEvent(vec![InvalidField {
                field: "event".to_owned(),
                message: "must be a JSON object".to_owned(),
            }]));
        };
        let mut form = Form { fields, faults: Vec::new() };
        let event = form.read();
        match event {
            Some(event) if form.faults.is_empty() => Ok(event),
            _ => Err(InvalidEvent(form.faults)),
        }
    }
}

/// A JSON object being read: each reader takes one field and notes what is wrong with it.
struct Form<'a> {
    fields: &'a Map<String, Value>,
    faults: Vec<InvalidField>,
}

impl Form<'_> {
    fn read(&mut self) -> Option<NewEvent> {
        for name in self.fields.keys().filter(|name| !FIELDS.contains(&name.as_str())) {
            self.fault(name, "is not a field of an event");
        }
        let key = self.key("id");
        let user_id = self.user_id();
        let kind = self.required("type", is_type, "must be 1 to 64 characters of a-z, 0-9, _, . and -");
        let title = self.required("title", is_title, "must be one line of 1 to 256 characters");
        let body = self.required("body", is_body, "must be at most 16 KiB, without NUL characters");
        let level = self.name("level", Level::parse, "must be info, warning, error or critical");
        let channels = self.channels();
        let channel_hint = self.name("channel_hint", ChannelHint::parse, "must be auto, websocket_only or push_only");
        self.check_hint(channels.as_deref(), channel_hint);
        let cta = self.cta();
        let data = self.data();
        let deliver_at = self.time("deliver_at");
        let expires_at = self.time("expires_at");
        if let (Some(deliver_at), Some(expires_at)) = (deliver_at, expires_at)
            && expires_at <= deliver_at
        {
            self.fault("expires_at", "must be after deliver_at");
        }
        let collapse_key = self.key("collapse_key");
        Some(NewEvent {
            key,
            user_id: user_id?,
            kind: kind?,
            title: title?,
            body: body?,
            level: level.unwrap_or_default(),
            channels,
            channel_hint,
            cta,
            data,
            deliver_at,
            expires_at,
            collapse_key,
        })
    }

    fn fault(&mut self, field: &str, message: &str) {
        self.faults.push(InvalidField { field: field.to_owned(), message: message.to_owned() });
    }

    /// The field, unless it is absent or null.
    fn given(&self, field: &str) -> Option<&Value> {
        self.fields.get(field).filter(|value| !value.is_null())
    }

    fn text(&mut self, field: &str) -> Option<String> {
        let text = self.given(field)?.as_str().map(str::to_owned);
        if text.is_none() {
            self.fault(field, "must be a string");
        }
        text
    }

    fn required(&mut self, field: &str, is_valid: fn(&str) -> bool, rule: &str) -> Option<String> {
        if self.given(field).is_none() {
            self.fault(field, "is required");
            return None;
        }
        let text = self.text(field)?;
        if !is_valid(&text) {
            self.fault(field, rule);
        }
        Some(text)
    }

    fn key(&mut self, field: &str) -> Option<String> {
        let text = self.text(field)?;
        if !is_line(&text, KEY_MAX) || text.is_empty() {
            self.fault(field, "must be one line of 1 to 255 characters");
        } else if field == "id" && is_our_own_id(&text) {
            self.fault(field, "must not look like an id that EventCenter gives: evt_ and 32 hex digits");
        }
        Some(text)
    }

    fn user_id(&mut self) -> Option<UserId> {
        let Some(value) = self.given("user_id") else {
            self.fault("user_id", "is required");
            return None;
        };
        let user_id = value.as_i64().and_then(UserId::new);
        if user_id.is_none() {
            self.fault("user_id", "must be an integer from 1 to 9223372036854775807");
        }
        user_id
    }

    fn name<T>(&mut self, field: &str, parse: fn(&str) -> Option<T>, rule: &str) -> Option<T> {
        let text = self.text(field)?;
        let parsed = parse(&text);
        if parsed.is_none() {
            self.fault(field, rule);
        }
        parsed
    }

    fn channels(&mut self) -> Option<Vec<Channel>> {
        let given = self.given("channels")?.clone();
        let channels: Option<Vec<Channel>> =
            given.as_array().and_then(|list| list.iter().map(|one| Channel::parse(one.as_str()?)).collect());
        let is_set = channels.as_ref().is_some_and(|list| {
            !list.is_empty() && list.iter().enumerate().all(|(i, one)| !list.iter().skip(i + 1).any(|two| one == two))
        });
        if !is_set {
            self.fault("channels", "must be a non-empty array of ws, push and email, each at most once");
            return None;
        }
        channels
    }

    fn check_hint(&mut self, channels: Option<&[Channel]>, hint: Option<ChannelHint>) {
        if let (Some(channels), Some(hint)) = (channels, hint)
            && !channels.iter().all(|channel| hint.allows(*channel))
        {
            self.fault("channel_hint", "contradicts channels: leave one of them out");
        }
    }

    fn cta(&mut self) -> Option<Cta> {
        let given = self.given("cta")?.clone();
        let Ok(cta) = serde_json::from_value::<Cta>(given.clone()) else {
            self.fault("cta", "must be an object {label, url} of two strings");
            return None;
        };
        for name in given.as_object().into_iter().flat_map(Map::keys) {
            if name != "label" && name != "url" {
                self.fault(&format!("cta.{name}"), "is not a field of a cta");
            }
        }
        if !is_line(&cta.label, CTA_LABEL_MAX) || cta.label.trim().is_empty() {
            self.fault("cta.label", "must be one line of 1 to 64 characters");
        }
        if !is_link(&cta.url) {
            self.fault("cta.url", "must be an http(s) URL or a path that starts with one /, at most 2048 bytes");
        }
        Some(cta)
    }

    fn data(&mut self) -> Option<Box<serde_json::value::RawValue>> {
        let given = self.given("data")?.clone();
        if !given.is_object() {
            self.fault("data", "must be an object");
        } else if has_nul(&given) {
            self.fault("data", "must not contain NUL characters");
        } else if jsonb_len(&given) > DATA_MAX {
            self.fault("data", "must be at most 32 KiB");
        }
        serde_json::value::to_raw_value(&given).ok()
    }

    fn time(&mut self, field: &str) -> Option<Timestamp> {
        let text = self.text(field)?;
        let time = text.parse().ok();
        if time.is_none() {
            self.fault(field, "must be a time with its offset, as in 2026-11-23T09:00:00+03:00 (RFC 3339)");
        }
        time
    }
}

fn is_type(text: &str) -> bool {
    (1..=TYPE_MAX).contains(&text.len())
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-'))
}

fn is_title(text: &str) -> bool {
    is_line(text, TITLE_MAX) && !text.trim().is_empty()
}

fn is_body(text: &str) -> bool {
    text.len() <= BODY_MAX && !text.contains('\0')
}

fn is_line(text: &str, max_chars: usize) -> bool {
    text.chars().count() <= max_chars && !text.chars().any(char::is_control)
}

fn is_our_own_id(text: &str) -> bool {
    text.strip_prefix("evt_")
        .is_some_and(|hex| hex.len() == 32 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
}

/// http(s) with a host, or a path of our own site: `//host` and `/\host` would leave it.
fn is_link(url: &str) -> bool {
    let is_clean = !url.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\');
    let leads_somewhere = match url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")) {
        Some(rest) => !rest.is_empty() && !rest.starts_with(['/', '?', '#']),
        None => url.starts_with('/') && !url.starts_with("//"),
    };
    url.len() <= CTA_URL_MAX && is_clean && leads_somewhere
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(list) => list.iter().any(has_nul),
        Value::Object(map) => map.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The length of the text that Postgres makes of it: compact, with a space after each colon and comma.
fn jsonb_len(value: &Value) -> usize {
    let spaced = |len: usize| len.saturating_sub(1) * 2 + 2;
    match value {
        Value::Array(list) => list.iter().map(jsonb_len).sum::<usize>() + spaced(list.len()),
        Value::Object(map) => {
            let entries: usize = map.iter().map(|(name, value)| text_len(name) + ": ".len() + jsonb_len(value)).sum();
            entries + spaced(map.len())
        }
        Value::String(text) => text_len(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string().len(),
    }
}

fn text_len(text: &str) -> usize {
    serde_json::to_string(text).map_or(text.len(), |quoted| quoted.len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults(json: &Value) -> Vec<String> {
        NewEvent::from_json(json).err().map_or_else(Vec::new, |faults| faults.0.into_iter().map(|f| f.field).collect())
    }

    fn with(field: &str, value: Value) -> Value {
        let mut event = json!({"user_id": 42, "type": "job.done", "title": "Ready", "body": "It is"});
        event.as_object_mut().unwrap().insert(field.to_owned(), value);
        event
    }

    #[test]
    fn everything_wrong_is_named_at_once() {
        let event = json!({"user_id": 0, "type": "Job Done", "title": "", "body": 7, "colour": "red"});

        assert_eq!(faults(&event), ["colour", "user_id", "type", "title", "body"]);
    }

    #[test]
    fn absent_and_null_are_the_same() {
        assert_eq!(faults(&with("level", Value::Null)), [""; 0]);
        assert_eq!(faults(&with("title", Value::Null)), ["title"]);
        assert_eq!(faults(&json!({})), ["user_id", "type", "title", "body"]);
    }

    #[test]
    fn a_user_id_is_positive_and_fits_64_bits() {
        for wrong in [json!(0), json!(-1), json!(9_223_372_036_854_775_808_u64), json!(1.5), json!("42")] {
            assert_eq!(faults(&with("user_id", wrong)), ["user_id"]);
        }
        assert_eq!(faults(&with("user_id", json!(i64::MAX))), [""; 0]);
    }

    #[test]
    fn channels_are_a_non_empty_set_of_known_names() {
        for wrong in [json!([]), json!(["ws", "ws"]), json!(["sms"]), json!("ws"), json!([1])] {
            assert_eq!(faults(&with("channels", wrong)), ["channels"]);
        }
        assert_eq!(faults(&with("channels", json!(["email", "ws", "push"]))), [""; 0]);
    }

    #[test]
    fn a_hint_must_not_contradict_channels() {
        let mut event = with("channels", json!(["ws", "push"]));
        event.as_object_mut().unwrap().insert("channel_hint".to_owned(), json!("push_only"));

        assert_eq!(faults(&event), ["channel_hint"]);
    }

    #[test]
    fn a_link_is_http_or_a_path_of_our_own_site() {
        for right in ["https://example.org/x?y#z", "http://localhost:8080", "/", "/app/photo/7"] {
            assert_eq!(faults(&with("cta", json!({"label": "Open", "url": right}))), [""; 0], "{right}");
        }
        for wrong in [
            "javascript:alert(1)",
            "//evil.example",
            "/\\evil.example",
            "app",
            "",
            "https://",
            "http:///x",
            "/a b",
            "/a\tb",
        ] {
            assert_eq!(faults(&with("cta", json!({"label": "Open", "url": wrong}))), ["cta.url"], "{wrong}");
        }
    }

    #[test]
    fn no_nul_character_reaches_the_database() {
        assert_eq!(faults(&with("title", json!("a\0b"))), ["title"]);
        assert_eq!(faults(&with("body", json!("a\0b"))), ["body"]);
        assert_eq!(faults(&with("data", json!({"a": [{"b\0": 1}]}))), ["data"]);
        assert_eq!(faults(&with("id", json!("a\0b"))), ["id"]);
    }

    #[test]
    fn an_own_id_must_not_look_like_ours() {
        assert_eq!(faults(&with("id", json!("evt_01a20692a88e72f1824ea4cc05cff2e1"))), ["id"]);
        assert_eq!(faults(&with("id", json!("evt_123"))), [""; 0]);
    }

    #[test]
    fn it_must_be_delivered_before_it_expires() {
        let mut event = with("deliver_at", json!("2026-11-23T10:00:00+03:00"));
        event.as_object_mut().unwrap().insert("expires_at".to_owned(), json!("2026-11-23T07:00:00Z"));

        assert_eq!(faults(&event), ["expires_at"]);
        assert_eq!(faults(&with("deliver_at", json!("2026-11-23T10:00:00"))), ["deliver_at"]);
    }

    #[test]
    fn data_is_measured_as_postgres_writes_it() {
        assert_eq!(
            jsonb_len(&json!({"a": [1, 2, {}], "b": "x\"y", "c": []})),
            r#"{"a": [1, 2, {}], "b": "x\"y", "c": []}"#.len()
        );
    }
}
