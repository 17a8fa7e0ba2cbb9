//! Whoever is logged out is out: on every node, within a second, and with every token of before.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::event_stream::EventStream;
use crate::support::events::{in_seconds, json_with};
use crate::support::eventually::{SOON, eventually};
use crate::support::http::{Answer, request};
use crate::support::installation::Installation;
use crate::support::server::Server;
use crate::support::socket::{Message, Socket};

/// How long a revocation may take to arrive, with room for a slow machine.
const SHORTLY: Duration = Duration::from_secs(3);

/// What a person's call is answered.
async fn status(server: &Server<'_>, token: &str) -> u16 {
    Answer::to(request(Method::POST, &server.url("/api/ws-ticket")).bearer_auth(token)).await.status.as_u16()
}

#[tokio::test]
async fn live_sessions_end_with_4006_on_every_node_and_others_go_on() {
    let installation = Installation::fresh().await;
    let (one, two) = (installation.serve().await, installation.serve().await);
    let (old, fresh) = (installation.token_issued_ago(42, 60), installation.token(42));
    let mut ended = [one.device(&old, "laptop").await, two.device(&old, "phone").await];
    let url = two.url("/api/stream?device=tablet&after=0");
    let mut stream = EventStream::open(&url, &old, None).await.unwrap().unwrap();
    let mut others =
        [one.device(&fresh, "desk").await, two.device(&installation.token_issued_ago(43, 60), "phone").await];

    let began = Instant::now();
    let revoked = one.revoke(42, &json!({"not_after": in_seconds(-30)})).await;

    for socket in &mut ended {
        assert_eq!(socket.closed().await, 4006);
    }
    while let Some(message) = stream.next().await {
        if message.kind == "bye" {
            assert_eq!(message.data["code"], 4006);
        }
    }
    assert!(began.elapsed() < SHORTLY, "it took {:?}", began.elapsed());
    assert_eq!(revoked["user_id"], 42);
    for (user, socket) in [42, 43].into_iter().zip(&mut others) {
        two.emit(&json_with(user, &json!({"title": "Still there"}))).await;
        let heard = loop {
            let frame = socket.frame().await;
            if frame["t"] == "event" {
                break frame;
            }
        };
        assert_eq!(heard["event"]["title"], "Still there");
    }
}

#[tokio::test]
async fn tokens_of_before_are_refused_on_every_node_and_later_ones_are_not() {
    let installation = Installation::fresh().await;
    let (one, two) = (installation.serve().await, installation.serve().await);
    let exp = Timestamp::now().as_second() + 300;
    let old = [
        installation.token_issued_ago(42, 60),
        installation.token_issued_ago(42, 30),
        installation.token_saying(&json!({"sub": 42, "exp": exp})),
    ];
    for token in &old {
        assert_eq!(status(&two, token).await, 201);
    }

    one.revoke(42, &json!({"not_after": in_seconds(-30)})).await;

    for (server, token) in [&one, &two].into_iter().flat_map(|server| old.iter().map(move |token| (server, token))) {
        eventually(SHORTLY, || async { (status(server, token).await == 401).then_some(()) }).await;
        // A page could not read a refused handshake, so it is told by a close code.
        let offered = format!("eventcenter.v1.json, ec.bearer.{token}");
        let mut socket = Socket::open(&server.socket(""), None, &offered).await.unwrap().unwrap();
        assert!(matches!(socket.next().await, Message::Closed(4006)));
        assert_eq!(Socket::open(&server.socket("?after=0"), Some(token), "").await.unwrap().unwrap_err(), 401);
    }
    assert_eq!(status(&two, &installation.token_issued_ago(42, 20)).await, 201);
    assert_eq!(status(&two, &installation.token_issued_ago(43, 60)).await, 201);
}

#[tokio::test]
async fn a_revocation_without_a_time_reaches_until_now_and_is_never_taken_back_by_an_earlier_one() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let token = installation.token(42);
    let path = "/api/users/42/sessions/revoke";

    let now = server.service(Method::POST, path).await.expect(200).json();
    let earlier = server.revoke(42, &json!({"not_after": in_seconds(-100)})).await;

    assert_eq!(now, earlier);
    eventually(SHORTLY, || async { (status(&server, &token).await == 401).then_some(()) }).await;
}

#[tokio::test]
async fn one_device_can_be_shut_out_alone() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let token = installation.token_issued_ago(42, 60);
    let (mut phone, mut laptop) = (server.device(&token, "phone").await, server.device(&token, "laptop").await);

    server.revoke(42, &json!({"device": "phone"})).await;

    assert_eq!(phone.closed().await, 4006);
    let mut again = Socket::open(&server.socket(""), Some(&token), "eventcenter.v1.json").await.unwrap().unwrap();
    again.send(&json!({"t": "hello", "v": 1, "device": "phone"})).await.unwrap();
    assert_eq!(again.closed().await, 4006);
    server.emit(&json_with(42, &json!({}))).await;
    while laptop.frame().await["t"] != "event" {}
}

#[tokio::test]
async fn a_session_that_was_given_a_later_token_goes_on() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let mut socket = server.device(&installation.token_issued_ago(42, 60), "phone").await;
    socket.send(&json!({"t": "auth", "token": installation.token(42)})).await.unwrap();
    while socket.frame().await["t"] != "auth_ok" {}

    server.revoke(42, &json!({"not_after": in_seconds(-30)})).await;
    // By then this process has heard of it.
    let old = installation.token_issued_ago(42, 60);
    eventually(SHORTLY, || async { (status(&server, &old).await == 401).then_some(()) }).await;

    server.emit(&json_with(42, &json!({}))).await;
    while socket.frame().await["t"] != "event" {}
}

#[tokio::test]
async fn revocations_are_heard_without_notifications() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let mut socket = server.device(&installation.token_issued_ago(42, 60), "phone").await;

    // As a service might by SQL, which tells nobody.
    sqlx::query("insert into eventcenter.revocations (user_id, device, not_after) values (42, '', now())")
        .execute(installation.db.pool())
        .await
        .unwrap();

    assert_eq!(socket.closed().await, 4006);
}

#[tokio::test]
async fn a_person_who_is_removed_is_logged_out() {
    let installation = Installation::fresh().await;
    let (one, two) = (installation.serve().await, installation.serve().await);
    let mut socket = one.device(&installation.token(42), "phone").await;

    two.service(Method::DELETE, "/api/users/42").await.expect(204);

    assert_eq!(socket.closed().await, 4006);
}

#[tokio::test]
async fn only_services_revoke_and_what_is_wrong_is_named() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let path = "/api/users/42/sessions/revoke";

    server.person_json(42, Method::POST, path, &json!({})).await.expect(401);
    let wrong = json!({"device": "", "not_after": in_seconds(3600), "user_id": 42});
    let refused = server.service_json(Method::POST, path, &wrong).await;
    assert_eq!(refused.faulty_fields(400), ["device", "not_after", "user_id"]);
    assert_eq!(server.service_json(Method::POST, path, &Value::Null).await.faulty_fields(400), ["body"]);
    let path = "/api/users/0/sessions/revoke";
    assert_eq!(server.service(Method::POST, path).await.faulty_fields(400), ["id"]);
    eventually(SOON, || async { server.metric("eventcenter_revocations_total").await }).await;
}
