//! Events that nobody may emit, by whatever door: HTTP, `emit()` or a plain insert.

use serde_json::{Value, json};

use super::events::json_with;

/// What the database answers: its SQLSTATE, and the constraint, or else the column, that it names.
pub(crate) type Refusal = (&'static str, &'static str);

/// An event, and how each door refuses it.
#[derive(Debug)]
pub(crate) struct BadEvent {
    pub(crate) event: Value,
    /// The field that HTTP names.
    pub(crate) field: &'static str,
    pub(crate) by_emit: Refusal,
    /// `None` where SQL has no such mistake: it reads `7` as a title, and it knows when `tomorrow` is.
    pub(crate) by_insert: Option<Refusal>,
}

const CHANNELS: Refusal = ("23514", "channels_are_ws_push_or_email");
const CTA: Refusal = ("23514", "cta_is_a_label_and_an_http_url_or_path");
const KEY: Refusal = ("23514", "key_is_1_to_255_characters");
const TITLE: Refusal = ("23514", "title_is_one_line_of_1_to_256_characters");
const USER_ID: Refusal = ("22023", "user_id_is_an_integer_from_1_to_2^63-1");
/// Refused by the parser of text, before any column is known.
const NUL: Refusal = ("22021", "");
const NUL_IN_JSON: Refusal = ("22P05", "");

/// One of each kind of mistake.
pub(crate) fn bad_events() -> Vec<BadEvent> {
    let mut cases = not_of_their_type();
    cases.extend(out_of_bounds());
    cases.extend(contradictions());
    cases.extend(with_nul());
    cases
}

/// Fields on top of a good event, the field that HTTP names, and what SQL answers.
fn bad(fields: &Value, field: &'static str, by_emit: Refusal, by_insert: Option<Refusal>) -> BadEvent {
    BadEvent { event: json_with(42, fields), field, by_emit, by_insert }
}

/// Refused by the same CHECK at both doors of the database.
fn checked(fields: &Value, field: &'static str, by: Refusal) -> BadEvent {
    bad(fields, field, by, Some(by))
}

fn not_of_their_type() -> Vec<BadEvent> {
    let no_field = ("22023", "colour_is_absent:_it_is_not_a_field_of_an_event");
    let not_a_time = ("22023", "deliver_at_is_a_time_with_its_offset_(RFC_3339)");
    let mut untitled = json_with(42, &json!({}));
    untitled.as_object_mut().unwrap().remove("title");
    let no_title = ("23502", "title");
    vec![
        BadEvent { event: json!([]), field: "event", by_emit: ("22023", "event_is_an_object"), by_insert: None },
        BadEvent { event: untitled, field: "title", by_emit: no_title, by_insert: Some(no_title) },
        bad(&json!({"title": null}), "title", ("22023", "title_is_of_type_string"), Some(no_title)),
        bad(&json!({"colour": "red"}), "colour", no_field, Some(("42703", ""))),
        bad(&json!({"title": 7}), "title", ("22023", "title_is_of_type_string"), None),
        bad(&json!({"user_id": "42"}), "user_id", ("22023", "user_id_is_of_type_number"), None),
        bad(&json!({"user_id": 1.5}), "user_id", USER_ID, None),
        bad(&json!({"channels": "ws"}), "channels", ("22023", "channels_is_of_type_array"), Some(("22P02", ""))),
        bad(&json!({"cta": "/"}), "cta", ("22023", "cta_is_of_type_object"), Some(("22P02", ""))),
        bad(
            &json!({"data": [1]}),
            "data",
            ("22023", "data_is_of_type_object"),
            Some(("23514", "data_is_an_object_of_at_most_32_kib")),
        ),
        bad(&json!({"deliver_at": "tomorrow"}), "deliver_at", not_a_time, None),
        bad(&json!({"deliver_at": "2026-11-23T10:00:00"}), "deliver_at", not_a_time, None),
    ]
}

fn out_of_bounds() -> Vec<BadEvent> {
    let (body, data) = ("x".repeat(1 << 20), json!({"blob": "x".repeat(32 * 1024)}));
    vec![
        bad(&json!({"user_id": 0}), "user_id", USER_ID, Some(("23514", "user_id_is_positive"))),
        bad(&json!({"user_id": -1}), "user_id", USER_ID, Some(("23514", "user_id_is_positive"))),
        bad(&json!({"user_id": 9_223_372_036_854_775_808_u64}), "user_id", USER_ID, Some(("22003", ""))),
        checked(&json!({"type": "Job Done"}), "type", ("23514", "type_is_lower_case_and_at_most_64")),
        checked(&json!({"type": "a".repeat(65)}), "type", ("23514", "type_is_lower_case_and_at_most_64")),
        checked(&json!({"title": ""}), "title", TITLE),
        checked(&json!({"title": " "}), "title", TITLE),
        checked(&json!({"title": "two\nlines"}), "title", TITLE),
        checked(&json!({"title": "ж".repeat(257)}), "title", TITLE),
        checked(&json!({"body": body}), "body", ("23514", "body_is_at_most_16_kib")),
        checked(&json!({"level": "fatal"}), "level", ("23514", "level_is_info_warning_error_or_critical")),
        checked(&json!({"channels": []}), "channels", CHANNELS),
        checked(&json!({"channels": ["ws", "ws"]}), "channels", CHANNELS),
        checked(&json!({"channels": ["sms"]}), "channels", CHANNELS),
        checked(&json!({"channels": ["ws", null]}), "channels", CHANNELS),
        checked(&json!({"cta": {"label": "Open", "url": "javascript:alert(1)"}}), "cta.url", CTA),
        checked(&json!({"cta": {"label": "Open", "url": "//elsewhere.example"}}), "cta.url", CTA),
        checked(&json!({"cta": {"label": "Open", "url": format!("/{}", "x".repeat(2048))}}), "cta.url", CTA),
        checked(&json!({"cta": {"label": "", "url": "/"}}), "cta.label", CTA),
        checked(&json!({"cta": {"label": "Open"}}), "cta", CTA),
        checked(&json!({"cta": {"label": "Open", "url": "/", "colour": "red"}}), "cta.colour", CTA),
        checked(&json!({"data": data}), "data", ("23514", "data_is_an_object_of_at_most_32_kib")),
        checked(&json!({"id": ""}), "id", KEY),
        checked(&json!({"id": "k".repeat(256)}), "id", KEY),
        checked(&json!({"id": "a\tb"}), "id", KEY),
        checked(
            &json!({"id": "evt_01a20692a88e72f1824ea4cc05cff2e1"}),
            "id",
            ("23514", "key_does_not_look_like_our_own_id"),
        ),
        checked(&json!({"collapse_key": ""}), "collapse_key", ("23514", "collapse_key_is_1_to_255_characters")),
    ]
}

fn contradictions() -> Vec<BadEvent> {
    let hint = ("23514", "channels_keep_to_channel_hint");
    vec![
        checked(
            &json!({"channel_hint": "smoke_signal"}),
            "channel_hint",
            ("23514", "channel_hint_is_auto_websocket_only_or_push_only"),
        ),
        checked(&json!({"channels": ["ws", "push"], "channel_hint": "push_only"}), "channel_hint", hint),
        checked(&json!({"channels": ["email"], "channel_hint": "websocket_only"}), "channel_hint", hint),
        checked(
            &json!({"deliver_at": "2026-11-23T10:00:00+03:00", "expires_at": "2026-11-23T07:00:00Z"}),
            "expires_at",
            ("23514", "expires_at_is_after_deliver_at"),
        ),
    ]
}

fn with_nul() -> Vec<BadEvent> {
    vec![
        bad(&json!({"title": "a\0b"}), "title", NUL_IN_JSON, Some(NUL)),
        bad(&json!({"body": "a\0b"}), "body", NUL_IN_JSON, Some(NUL)),
        bad(&json!({"id": "a\0b"}), "id", NUL_IN_JSON, Some(NUL)),
        bad(&json!({"data": {"deep": ["a\0b"]}}), "data", NUL_IN_JSON, Some(NUL_IN_JSON)),
    ]
}
