//! From JSON to a [`NewEvent`]: every fault is found and named at once. The database holds the same bounds as checks,
//! for those who insert by SQL.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{CTA_LABEL_MAX, ChannelHint, Cta, DATA_MAX, KEY_MAX, Level, NewEvent};
use crate::delivery::Channel;
use crate::id::UserId;
use rules::{has_nul, is_body, is_line, is_link, is_our_own_id, is_title, is_type, jsonb_len};

mod rules;

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

/// 0001-01-01T00:00:00Z. Postgres cannot read the years before it that we can write.
const YEAR_ONE: Timestamp = Timestamp::constant(-62_135_596_800, 0);
/// Faults named of one request. Further ones are left out: a body of nothing but mistakes must not be answered by many
/// times its length.
pub const FAULTS_MAX: usize = 50;

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
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(InvalidField { field: field.to_owned(), message: message.to_owned() });
        }
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
        let time = text.parse().ok().filter(|time| *time >= YEAR_ONE);
        if time.is_none() {
            self.fault(field, "must be a time with its offset, as in 2026-11-23T09:00:00+03:00 (RFC 3339)");
        }
        time
    }
}

#[cfg(test)]
mod tests;
