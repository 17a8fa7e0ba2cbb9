//! The inbox over HTTP, and what other sessions are told.

use eventcenter_core::event::PublicId;
use eventcenter_core::store::Mark;
use reqwest::Method;
use serde_json::{Value, json};

use super::{ANNA, in_an_hour};
use crate::support::events::{in_seconds, json_with};
use crate::support::http::Answer;
use crate::support::installation::Installation;
use crate::support::server::Server;
use crate::support::ws_client::WsClient;

async fn list(server: &Server<'_>, query: &str) -> Value {
    server.person(42, Method::GET, &format!("/api/inbox{query}")).await.expect(200).json()
}

async fn mark(server: &Server<'_>, user: i64, mark: &str, body: &Value) -> Answer {
    server.person_json(user, Method::POST, &format!("/api/inbox/{mark}"), body).await
}

fn ids(inbox: &Value) -> Vec<&str> {
    inbox["entries"].as_array().unwrap().iter().map(|entry| entry["event"]["id"].as_str().unwrap()).collect()
}

/// Waits for the next frame that tells what was done elsewhere.
async fn told(session: &WsClient, from: &mut usize) -> Value {
    loop {
        let frame = session.frame(*from).await;
        *from += 1;
        if frame["t"] == "marks" || frame["t"] == "answered" {
            return frame;
        }
    }
}

#[tokio::test]
async fn an_inbox_is_read_in_parts_and_by_type_and_service() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    for n in 1..=5 {
        let kind = if n % 2 == 0 { "message.new" } else { "job.done" };
        let data = json!({"service": if n == 4 { "chat" } else { "notes" }});
        server.emit(&json_with(42, &json!({"id": format!("n{n}"), "type": kind, "data": data}))).await;
    }
    server.emit(&json_with(43, &json!({}))).await;

    let all = list(&server, "?limit=2").await;
    assert_eq!((ids(&all), &all["unread_count"], &all["unseen_count"]), (vec!["n5", "n4"], &json!(5), &json!(5)));
    assert_eq!((&all["last_seq"], &all["entries"][0]["seq"]), (&json!(5), &json!(5)));
    let rest = list(&server, &format!("?limit=3&before={}", all["next"].as_str().unwrap())).await;
    assert_eq!((ids(&rest), &rest["next"]), (vec!["n3", "n2", "n1"], &Value::Null));
    assert_eq!(ids(&list(&server, "?type=message.new").await), ["n4", "n2"]);
    assert_eq!(ids(&list(&server, "?service=chat").await), ["n4"]);
    let narrowed = list(&server, "?service=notes&limit=3").await;
    assert_eq!(ids(&narrowed), ["n5", "n3", "n2"]);
    let next = format!("?service=notes&before={}", narrowed["next"].as_str().unwrap());
    assert_eq!(ids(&list(&server, &next).await), ["n1"]);
    let nothing = server.person(44, Method::GET, "/api/inbox").await.expect(200).json();
    assert_eq!(nothing, json!({"entries": [], "next": null, "last_seq": 0, "unread_count": 0, "unseen_count": 0}));
}

#[tokio::test]
async fn what_a_person_does_in_one_session_the_others_hear_on_every_node() {
    let installation = Installation::fresh().await;
    let (server, elsewhere) = (installation.serve().await, installation.serve().await);
    for n in 1..=3 {
        server.emit(&json_with(42, &json!({"id": format!("n{n}")}))).await;
    }
    let (here, there) = (server.hears(42).await, elsewhere.hears(42).await);
    let stranger = elsewhere.hears(43).await;

    let marked = mark(&server, 42, "read", &json!({"ids": ["n1", "n3", "unknown"]})).await.expect(200).json();
    assert_eq!(marked, json!({"changed": 2, "unread_count": 1, "unseen_count": 1}));
    mark(&server, 42, "read", &json!({"ids": ["n1"]})).await.expect(200);
    mark(&server, 42, "seen", &json!({"up_to_seq": 2})).await.expect(200);

    let mut from = [0, 0];
    for (session, from) in [&here, &there].into_iter().zip(&mut from) {
        let mut read = told(session, from).await;
        read["ids"].as_array_mut().unwrap().sort_by_key(Value::to_string);
        assert_eq!(
            read,
            json!({"t": "marks", "op": "read", "ids": ["n1", "n3"], "up_to_seq": null, "until": null,
                "unread": 1, "unseen": 1})
        );
        // What changed nothing is not told.
        assert_eq!(
            told(session, from).await,
            json!({"t": "marks", "op": "seen", "ids": null, "up_to_seq": 2, "until": null, "unread": 1, "unseen": 0})
        );
    }
    assert_eq!(stranger.all("marks"), Vec::<Value>::new());
}

#[tokio::test]
async fn ids_too_long_for_a_notification_have_the_inbox_read_anew() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let names: Vec<String> = (0..40).map(|n| format!("{n:я>200}")).collect();
    for name in &names {
        server.emit(&json_with(42, &json!({"id": name}))).await;
    }
    let session = server.hears(42).await;

    mark(&server, 42, "archive", &json!({"ids": names})).await.expect(200);

    let frame = told(&session, &mut 0).await;
    assert_eq!((&frame["ids"], &frame["up_to_seq"], &frame["unread"]), (&Value::Null, &Value::Null, &json!(0)));
}

#[tokio::test]
async fn a_snooze_that_is_over_is_back_on_top_unread_and_told() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    for n in 1..=3 {
        server.emit(&json_with(42, &json!({"id": format!("n{n}")}))).await;
    }
    mark(&server, 42, "read", &json!({"up_to_seq": 3})).await.expect(200);
    let session = server.hears(42).await;

    let until = in_seconds(3600);
    mark(&server, 42, "snooze", &json!({"ids": ["n2"], "until": until})).await.expect(200);
    let asleep = list(&server, "").await;
    assert_eq!((ids(&asleep), &asleep["unread_count"]), (vec!["n3", "n1"], &json!(0)));
    let snoozed = list(&server, "?filter=snoozed").await;
    assert_eq!(ids(&snoozed), ["n2"]);
    assert!(snoozed["entries"][0]["snoozed_until"].is_string());
    let mut from = 0;
    assert_eq!(told(&session, &mut from).await["op"], "snoozed");
    let over = "update eventcenter.inbox set snoozed_until = now() where snoozed_until is not null";
    sqlx::query(over).execute(installation.db.pool()).await.unwrap();

    let back = told(&session, &mut from).await;

    assert_eq!((&back["op"], &back["ids"], &back["unread"]), (&json!("unsnoozed"), &json!(["n2"]), &json!(1)));
    server.emit(&json_with(42, &json!({"id": "n4"}))).await;
    assert_eq!(ids(&list(&server, "").await), ["n4", "n2", "n3", "n1"]);
    assert_eq!(ids(&list(&server, "?filter=unread").await), ["n4", "n2"]);
}

#[tokio::test]
async fn every_mark_has_its_reverse() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    server.emit(&json_with(42, &json!({"id": "n1"}))).await;
    let body = json!({"ids": ["n1"]});
    for (name, unread, filter) in [
        ("seen", 1, "unread"),
        ("read", 0, "all"),
        ("unread", 1, "unread"),
        ("archive", 0, "archived"),
        ("unarchive", 1, "unread"),
    ] {
        let marked = mark(&server, 42, name, &body).await.expect(200).json();
        assert_eq!((&marked["changed"], &marked["unread_count"]), (&json!(1), &json!(unread)), "{name}");
        assert_eq!(ids(&list(&server, &format!("?filter={filter}")).await), ["n1"], "{name}");
    }
    let snooze = json!({"ids": ["n1"], "until": in_seconds(60)});
    mark(&server, 42, "snooze", &snooze).await.expect(200);
    assert_eq!(mark(&server, 42, "unsnooze", &body).await.expect(200).json()["unseen_count"], 1);
}

#[tokio::test]
async fn nobody_can_mark_what_is_another_persons() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let id = server.emit(&json_with(42, &json!({}))).await;

    let marked = mark(&server, 43, "read", &json!({"ids": [id]})).await.expect(200).json();

    assert_eq!(marked, json!({"changed": 0, "unread_count": 0, "unseen_count": 0}));
    assert_eq!(list(&server, "").await["unread_count"], 1);
}

#[tokio::test]
async fn bad_marks_and_lists_are_refused_by_the_names_of_their_fields() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let id = server.emit(&json_with(42, &json!({}))).await;
    for (name, body, field) in [
        ("read", json!({}), "ids"),
        ("read", json!({"ids": ["a\0b"]}), "ids"),
        ("read", json!({"up_to_seq": 1.5}), "up_to_seq"),
        ("read", json!({"up_to_seq": 9_223_372_036_854_775_808_u64}), "up_to_seq"),
        ("seen", json!({"ids": [id], "colour": "red"}), "colour"),
        ("snooze", json!({"ids": [id]}), "until"),
        ("snooze", json!({"ids": [id], "until": in_seconds(-5)}), "until"),
        ("snooze", json!({"ids": [id], "until": in_seconds(91 * 86_400)}), "until"),
        ("snooze", json!({"ids": [id], "until": "-009999-01-01T00:00:00Z"}), "until"),
        ("read", json!([]), "body"),
    ] {
        assert_eq!(mark(&server, 42, name, &body).await.faulty_fields(400), [field], "{name} {body}");
    }
    for (query, field) in [
        ("?filter=starred", "filter"),
        ("?limit=501", "limit"),
        ("?before=7", "before"),
        ("?before=9223372036854775808.1", "before"),
        ("?service=", "service"),
        ("?service=%00", "service"),
        ("?type=Job", "type"),
        ("?user_id=43", "user_id"),
    ] {
        let answer = server.person(42, Method::GET, &format!("/api/inbox{query}")).await;
        assert_eq!(answer.faulty_fields(400), [field], "{query}");
    }
    for odd in ["?before=-9223372036854775808.-9223372036854775808", "?before=0.0"] {
        assert_eq!(ids(&list(&server, odd).await), [""; 0], "{odd}");
    }
    mark(&server, 42, "shred", &json!({"ids": [id]})).await.faulty_fields(404);
    server.service(Method::GET, "/api/inbox").await.faulty_fields(401);
    assert_eq!(list(&server, "").await["unseen_count"], 1);
}

#[tokio::test]
async fn a_mark_of_a_person_without_an_inbox_changes_nothing() {
    let installation = Installation::fresh().await;

    let store = installation.db.store();
    let marked = store.mark_entries(ANNA, Mark::Snooze(in_an_hour()), &[PublicId::Key("n1".to_owned())]).await.unwrap();

    assert_eq!((marked.changed, marked.unread, marked.unseen), (0, 0, 0));
    assert_eq!(installation.db.count("select count(*) from eventcenter.streams").await, 0);
}
