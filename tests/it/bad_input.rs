//! What nobody may send, over HTTP: each a problem document that names the field, and nothing stored.

use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::support::bad_input::bad_events;
use crate::support::events::{in_seconds, json_with};
use crate::support::http::{Answer, request};
use crate::support::installation::Installation;
use crate::support::server::Server;

const DAY_S: i64 = 24 * 60 * 60;

async fn post(server: &Server<'_>, event: &Value) -> Answer {
    server.service_json(Method::POST, "/events", event).await
}

async fn assert_nothing_is_stored(installation: &Installation) {
    for nowhere in [
        "select count(*) from eventcenter.events",
        "select count(*) from eventcenter.event_keys",
        "select count(*) from eventcenter.deliveries",
        "select count(*) from eventcenter.inbox",
    ] {
        assert_eq!(installation.db.count(nowhere).await, 0, "{nowhere}");
    }
}

#[tokio::test]
async fn a_bad_event_is_refused_by_the_name_of_its_field_and_not_stored() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    for case in bad_events() {
        // An empty array is an array of no events; every other event is one.
        if case.event == json!([]) {
            continue;
        }
        let answer = post(&server, &case.event).await;
        let status = if answer.status.as_u16() == 413 { 413 } else { 400 };
        assert!(answer.faulty_fields(status).contains(&case.field.to_owned()), "{} {answer:?}", case.field);
    }
    for (event, field) in [
        (json_with(42, &json!({"deliver_at": in_seconds(91 * DAY_S)})), "deliver_at"),
        (json_with(42, &json!({"deliver_at": "-009999-01-02T00:00:00Z"})), "deliver_at"),
        (json_with(42, &json!({"expires_at": "0000-12-31T00:00:00Z"})), "expires_at"),
        (json!("an event"), "event"),
        (json!(null), "event"),
        (json!([]), "events"),
        (Value::Array(vec![json_with(42, &json!({})); 501]), "events"),
    ] {
        assert_eq!(post(&server, &event).await.faulty_fields(400), [field]);
    }
    assert_nothing_is_stored(&installation).await;
}

#[tokio::test]
async fn everything_wrong_with_an_event_is_named_at_once() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;

    let event = json!({"user_id": 0, "type": "Job", "title": "", "channels": [], "colour": "red"});
    let mut fields = post(&server, &event).await.faulty_fields(400);

    fields.sort();
    assert_eq!(fields, ["body", "channels", "colour", "title", "type", "user_id"]);
}

#[tokio::test]
async fn a_body_that_is_too_large_or_no_json_is_refused() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let send = |body: Vec<u8>, content_type: &'static str| {
        let call = request(Method::POST, &server.url("/events")).bearer_auth(&installation.service_key);
        Answer::to(call.header(CONTENT_TYPE, content_type).body(body))
    };

    let large = post(&server, &json_with(42, &json!({"body": "x".repeat(1 << 20)}))).await;
    assert_eq!(large.faulty_fields(413), ["body"]);
    let array = format!("[{}]", " ".repeat(9 << 20));
    let huge = send(array.into_bytes(), "application/json").await;
    assert_eq!((huge.faulty_fields(413), &huge.json()["code"]), (vec![], &json!("body_too_large")));
    for body in [&b""[..], b"{", b"{} {}", b"\xff"] {
        let answer = send(body.to_vec(), "application/json").await;
        assert_eq!(answer.json()["code"], "invalid_json", "{answer:?}");
        answer.faulty_fields(400);
    }
    send(b"{}".to_vec(), "text/plain").await.faulty_fields(415);
    assert_nothing_is_stored(&installation).await;
}

#[tokio::test]
async fn one_bad_event_of_an_array_leaves_its_neighbours_stored() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let good = json_with(42, &json!({"id": "photo-7"}));

    let events = json!([good, json_with(42, &json!({"title": ""})), good, json_with(43, &json!({}))]);
    let results = post(&server, &events).await.expect(202).json()["results"].clone();

    let indexes: Vec<&Value> = results.as_array().unwrap().iter().map(|result| &result["index"]).collect();
    assert_eq!(indexes, [0, 1, 2, 3]);
    let named = [&results[0], &results[2]].map(|one| (&one["id"], &one["duplicate"]));
    assert_eq!(named, [(&json!("photo-7"), &json!(false)), (&json!("photo-7"), &json!(true))]);
    assert_eq!(results[1]["error"]["errors"][0]["field"], "title");
    assert!(results[3]["id"].as_str().unwrap().starts_with("evt_"));
    assert_eq!(installation.db.count("select count(*) from eventcenter.events").await, 2);
}

#[tokio::test]
async fn an_idempotency_key_names_one_event_for_ever() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let send = |keys: &'static [&'static str], event: Value| {
        let mut call = request(Method::POST, &server.url("/events")).bearer_auth(&installation.service_key);
        for key in keys {
            call = call.header("Idempotency-Key", *key);
        }
        Answer::to(call.json(&event))
    };
    let event = json_with(42, &json!({}));

    let first = send(&["photo-7"], event.clone()).await.expect(202).json();
    let again = send(&["photo-7"], event.clone()).await.expect(202).json();
    let by_id = post(&server, &json_with(42, &json!({"id": "photo-7"}))).await.expect(202).json();

    assert_eq!(first, json!({"id": "photo-7", "duplicate": false}));
    assert_eq!((&again, &by_id), (&json!({"id": "photo-7", "duplicate": true}), &again));
    let other = send(&["photo-7"], json_with(42, &json!({"title": "Another"}))).await;
    assert_eq!((other.faulty_fields(422), &other.json()["code"]), (vec!["id".to_owned()], &json!("key_reused")));
    for (keys, event) in [
        (&["photo-8"][..], json_with(42, &json!({"id": "photo-9"}))),
        (&["photo-8", "photo-8"], event.clone()),
        (&["photo-8"], json!([event])),
    ] {
        assert_eq!(send(keys, event).await.faulty_fields(400), ["Idempotency-Key"]);
    }
    assert_eq!(send(&[""], event).await.faulty_fields(400), ["id"]);
    assert_eq!(installation.db.count("select count(*) from eventcenter.events").await, 1);
}

#[tokio::test]
async fn without_its_credential_nobody_gets_in() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let token = installation.token(42);
    let event = json_with(42, &json!({}));
    for credential in [None, Some("ec_wrong"), Some(""), Some(&*token)] {
        let call = request(Method::POST, &server.url("/events")).json(&event);
        let call = credential.into_iter().fold(call, RequestBuilder::bearer_auth);
        let answer = Answer::to(call).await;
        answer.faulty_fields(401);
        assert!(answer.header("www-authenticate").starts_with("Bearer"), "{answer:?}");
    }
    for path in ["/api/events/evt_1", "/api/events?user_id=42", "/api/deliveries", "/api/users/42", "/api/push/key"] {
        server.get(path).await.faulty_fields(401);
    }
    // A service key opens no person's doors.
    server.service(Method::GET, "/api/push/key").await.faulty_fields(401);
    assert_nothing_is_stored(&installation).await;
}

#[tokio::test]
async fn bad_contacts_filters_and_subscriptions_are_refused_by_the_names_of_their_fields() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    for (method, path, body, field) in [
        (Method::PUT, "/api/users/42", json!({"email": "a@b\r\nBcc: c@d"}), "email"),
        (Method::PUT, "/api/users/42", json!({"name": "a\0b"}), "name"),
        (Method::PUT, "/api/users/42", json!({"time_zone": "Mars/Base"}), "time_zone"),
        (Method::PUT, "/api/users/42", json!({"age": 7}), "age"),
        (Method::PUT, "/api/users/0", json!({}), "id"),
        (Method::PUT, "/api/users/9223372036854775808", json!({}), "id"),
        (Method::POST, "/api/deliveries/redrive", json!({"state": "sent"}), "state"),
        (Method::POST, "/api/deliveries/redrive", json!({"channel": "sms"}), "channel"),
        (Method::POST, "/api/deliveries/redrive", json!({"colour": "red"}), "colour"),
    ] {
        let answer = server.service_json(method, path, &body).await;
        assert_eq!(answer.faulty_fields(400), [field], "{path} {body}");
    }
    for (path, field) in [
        ("/api/events", "user_id"),
        ("/api/events?user_id=0", "user_id"),
        ("/api/events?user_id=42&limit=501", "limit"),
        ("/api/events?user_id=42&after=photo-7", "after"),
        ("/api/events?user_id=42&colour=red", "colour"),
        ("/api/deliveries?state=sent", "state"),
        ("/api/deliveries?type=Job%20Done", "type"),
    ] {
        assert_eq!(server.service(Method::GET, path).await.faulty_fields(400), [field], "{path}");
    }
    let keys = json!({"p256dh": "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIg", "auth": "tBHItJI5svbpez7KI4CCXg"});
    for (body, fields) in [
        (json!({"endpoint": "https://localhost:1/push/1", "keys": keys}), vec!["keys.p256dh"]),
        (json!({"endpoint": "http://localhost:1/push/1", "keys": keys}), vec!["endpoint", "keys.p256dh"]),
        (json!({"endpoint": "https://192.168.0.1/push/1", "keys": {}}), vec!["endpoint", "keys.p256dh", "keys.auth"]),
        (json!({}), vec!["endpoint", "keys.p256dh", "keys.auth"]),
    ] {
        let answer = server.person_json(42, Method::POST, "/api/push/subscribe", &body).await;
        assert_eq!(answer.faulty_fields(400), fields, "{body}");
    }
    assert_eq!(installation.db.count("select count(*) from eventcenter.push_subscriptions").await, 0);
    assert_eq!(installation.db.count("select count(*) from eventcenter.recipients").await, 0);
}
