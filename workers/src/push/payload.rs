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
const NAVIGATE_MAX: usize = 2048;
/// Longest stub, in bytes. Every push service takes that much, the oldest included.
const STUB_MAX: usize = 2304;
/// Longest `navigate` of a stub, in bytes; a longer one leads to [`FALLBACK`], which must fit.
pub(super) const STUB_NAVIGATE_MAX: usize = 512;
/// Where an event without a link leads, resolved against the app URL.
pub(super) const FALLBACK: &str = "/app";
/// Where acknowledgements go. A path, which the service worker resolves against its own origin.
const ACK_URL: &str = "/api/push/ack";
/// Length of a tag: the most that a `Topic` may have (RFC 8030 §5.4).
const TAG_LEN: usize = 32;
const ELLIPSIS: char = '…';

/// How much of an event a push says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    /// What fits [`PLAINTEXT_MAX`].
    Whole,
    /// That there is something, and where: its push service found the whole too large.
    Stub,
}

#[derive(Serialize)]
struct Payload<'a> {
    web_push: u16,
    notification: Notification<'a>,
    event: Summary<'a>,
    ack: Ack<'a>,
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
    /// Something of it was left out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    trimmed: bool,
}

/// How to tell that it was displayed or clicked.
#[derive(Serialize)]
struct Ack<'a> {
    url: &'a str,
    token: &'a str,
}

/// The plaintext of an event's push. What does not fit is left out in this order: all of `data`, the end of `body`, the
/// label of the link, the end of `title`. A stub begins without the first three.
pub(super) fn plaintext(
    event: &Event,
    tag: &str,
    app_url: &Url,
    token: &str,
    size: Size,
) -> Result<Vec<u8>, serde_json::Error> {
    const TRIMS: [fn(&mut Payload<'_>, usize); 4] = [
        |payload, _over| payload.event.data = None,
        |payload, over| shorten(&mut payload.notification.body, over),
        |payload, _over| payload.event.cta_label = None,
        |payload, over| shorten(&mut payload.notification.title, over),
    ];
    let (bytes_max, navigate_max) = match size {
        Size::Whole => (PLAINTEXT_MAX, NAVIGATE_MAX),
        Size::Stub => (STUB_MAX, STUB_NAVIGATE_MAX),
    };
    let navigate = navigate(event, app_url, navigate_max);
    let whole = size == Size::Whole;
    let mut payload = Payload {
        web_push: 8030,
        notification: Notification {
            title: event.title.as_str().into(),
            body: if whole { event.body.as_str() } else { "" }.into(),
            navigate: &navigate,
            tag,
        },
        event: Summary {
            id: event.public_id(),
            kind: &event.kind,
            level: event.level,
            user_id: event.user_id,
            cta_label: event.cta.as_ref().filter(|_| whole).map(|cta| cta.label.as_str()),
            data: event.data.as_deref().filter(|_| whole),
            trimmed: !whole,
        },
        ack: Ack { url: ACK_URL, token },
    };
    let mut text = serde_json::to_vec(&payload)?;
    for trim in TRIMS {
        if text.len() > bytes_max {
            payload.event.trimmed = true;
            let over = serde_json::to_vec(&payload)?.len() - bytes_max;
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
fn navigate(event: &Event, app_url: &Url, bytes_max: usize) -> String {
    event
        .cta
        .as_ref()
        .and_then(|cta| app_url.join(&cta.url).ok())
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.as_str().len() <= bytes_max)
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
mod tests;
