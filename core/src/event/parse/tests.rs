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
fn of_an_event_of_nothing_but_mistakes_only_the_first_are_named() {
    let event: Value = (0..1000).map(|number| (format!("wrong{number}"), json!(0))).collect();

    assert_eq!(faults(&event).len(), FAULTS_MAX);
}

#[test]
fn a_time_is_one_that_the_database_can_keep() {
    for wrong in ["-009999-01-02T00:00:00Z", "0000-12-31T23:59:59Z", "0001-01-01T00:00:00+03:00"] {
        assert_eq!(faults(&with("deliver_at", json!(wrong))), ["deliver_at"], "{wrong}");
    }
    assert_eq!(faults(&with("deliver_at", json!("0001-01-01T00:00:00Z"))), [""; 0]);
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
