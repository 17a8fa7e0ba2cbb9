//! What the texts of an event may hold.

use serde_json::Value;

use super::super::{BODY_MAX, CTA_URL_MAX, TITLE_MAX, TYPE_MAX};

pub(super) fn is_type(text: &str) -> bool {
    (1..=TYPE_MAX).contains(&text.len())
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-'))
}

pub(super) fn is_title(text: &str) -> bool {
    is_line(text, TITLE_MAX) && !text.trim().is_empty()
}

pub(super) fn is_body(text: &str) -> bool {
    text.len() <= BODY_MAX && !text.contains('\0')
}

pub(super) fn is_line(text: &str, max_chars: usize) -> bool {
    text.chars().count() <= max_chars && !text.chars().any(char::is_control)
}

pub(super) fn is_our_own_id(text: &str) -> bool {
    text.strip_prefix("evt_")
        .is_some_and(|hex| hex.len() == 32 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
}

/// http(s) with a host, or a path of our own site: `//host` and `/\host` would leave it.
pub(super) fn is_link(url: &str) -> bool {
    let is_clean = !url.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\');
    let leads_somewhere = match url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")) {
        Some(rest) => !rest.is_empty() && !rest.starts_with(['/', '?', '#']),
        None => url.starts_with('/') && !url.starts_with("//"),
    };
    url.len() <= CTA_URL_MAX && is_clean && leads_somewhere
}

pub(super) fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(list) => list.iter().any(has_nul),
        Value::Object(map) => map.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The length of the text that Postgres makes of it: compact, with a space after each colon and comma.
pub(super) fn jsonb_len(value: &Value) -> usize {
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

pub(super) fn text_len(text: &str) -> usize {
    serde_json::to_string(text).map_or(text.len(), |quoted| quoted.len())
}
