//! Every frame of `static/PROTOCOL.md`, and every error, with a client that is not ours.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::events::json_with;
use crate::support::eventually::{SOON, eventually};
use crate::support::installation::Installation;
use crate::support::server::Server;
use crate::support::ws_client::WsClient;

/// Names of members, in order.
fn members(frame: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = frame.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

fn seqs(frames: &[Value]) -> Vec<i64> {
    frames.iter().map(|frame| frame["seq"].as_i64().unwrap()).collect()
}

/// What a session of its own is told when it says this after its `hello`: the error, and the code of the close.
async fn told_after_hello(server: &Server<'_>, hello: &Value, frame: Option<&str>) -> (Value, Value) {
    let client = server.greet(42, hello).await;
    if let Some(text) = frame {
        client.first("welcome").await;
        client.send_text(text);
    }
    (client.first("error").await, client.closed().await["close"].clone())
}

#[tokio::test]
async fn a_session_is_welcomed_replayed_told_that_this_is_done_and_then_live() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    server.emit_many(42, 2).await;

    let client = server.greet(42, &json!({"device": "phone", "window": 64, "caps": ["none that we know"]})).await;
    let done = client.first("replay_done").await;
    let id = server.emit(&json_with(42, &json!({"channels": ["ws"]}))).await;
    let live = client.nth("event", 2).await;

    let welcome = client.frame(0).await;
    let wanted = "device epoch from head max_frame ping_ms pong_ms resume resumed session t token_exp user v window";
    assert_eq!(members(&welcome).join(" "), wanted);
    let fixed = json!({
        "t": "welcome", "v": 1, "user": 42, "device": "phone", "head": 2, "from": 0, "resumed": false, "window": 64,
        "max_frame": 8192, "ping_ms": 25000, "pong_ms": 10000,
    });
    for (name, value) in fixed.as_object().unwrap() {
        assert_eq!(&welcome[name], value, "{name}");
    }
    for (seq, replay) in [(1, true), (2, true)] {
        let frame = client.frame(seq).await;
        let told = (&frame["seq"], &frame["prev"], &frame["replay"]);
        assert_eq!(told, (&json!(seq), &json!(seq - 1), &json!(replay)));
    }
    assert_eq!(client.frame(3).await, done);
    assert_eq!((&done["to"], &done["count"]), (&json!(2), &json!(2)));
    assert_eq!(members(&done).join(" "), "count resume t to");
    let told = (&live["seq"], &live["prev"], &live["replay"], &live["event"]["id"]);
    assert_eq!(told, (&json!(3), &json!(2), &json!(false), &json!(id)));
}

#[tokio::test]
async fn nothing_comes_before_the_hello_and_whoever_says_something_else_first_is_wrong() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    server.emit_many(42, 1).await;

    for text in [r#"{"t":"ack","seq":0}"#, r#"{"t":"ping"}"#, r#"{"t":"what"}"#, "[]"] {
        let client = WsClient::offer(&server.socket(""), &installation.token(42));
        client.send_text(text);
        assert_eq!(client.first("error").await["code"], "bad_frame", "{text}");
        assert_eq!(client.closed().await["close"], 4000);
        assert_eq!(client.frames(), 2, "an error and the close");
    }
}

#[tokio::test]
async fn an_ack_makes_a_delivery_delivered_and_a_write_to_a_socket_does_not() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let id = server.emit(&json_with(42, &json!({"channels": ["ws"]}))).await;
    let later = server.emit(&json_with(42, &json!({"channels": ["ws"]}))).await;
    let client = server.greet(42, &json!({"device": "phone"})).await;
    client.nth("event", 1).await;
    assert_eq!(server.delivery(&id, "ws").await["state"], "sent");

    client.send(&json!({"t": "ack", "seq": 1}));

    let delivery = server.comes_to(&id, "ws", "delivered").await;
    assert_eq!(delivery["seq"], 1);
    assert_eq!(server.delivery(&later, "ws").await["state"], "sent");
    // The device goes on there, also without a position of its own; so does a new one.
    for device in ["phone", "tablet"] {
        let next = server.greet(42, &json!({"device": device})).await;
        assert_eq!(next.first("welcome").await["from"], 1);
        assert_eq!(next.first("event").await["seq"], 2);
    }
    installation.db.assert_books_balance().await;
}

#[tokio::test]
async fn a_window_holds_replay_back_until_it_is_acknowledged() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    server.emit_many(42, 10).await;
    let client = server.greet(42, &json!({"window": 4})).await;
    client.nth("event", 3).await;
    // Answered in its turn: what may come has come.
    client.send(&json!({"t": "ping"}));
    assert_eq!(client.first("pong").await["head"], 4);
    assert_eq!(seqs(&client.all("event")), [1, 2, 3, 4]);

    client.send(&json!({"t": "ack", "seq": 3}));
    client.nth("event", 6).await;
    client.send(&json!({"t": "ack", "seq": 7}));
    client.first("replay_done").await;

    assert_eq!(seqs(&client.all("event")), (1..=10).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_ping_carries_the_end_of_what_was_sent_and_must_be_answered() {
    let installation = Installation::fresh().await;
    let server = installation.serve_with(&[("EVENTCENTER_PING_INTERVAL", "1s")]).await;
    let client = server.greet(42, &json!({})).await;
    client.first("welcome").await;
    server.emit_many(42, 3).await;
    client.nth("event", 2).await;

    let ping = eventually(SOON, || async { client.all("ping").into_iter().find(|ping| ping["head"] == 3) }).await;
    assert_eq!(members(&ping).join(" "), "head resume t");

    // It answers none of them.
    let bye = client.first("bye").await;
    assert_eq!(bye["code"], 4200);
    assert_eq!(members(&bye).join(" "), "code reason retry_ms t");
    assert_eq!(client.closed().await["close"], 4200);
    let again = server.greet(42, &json!({"resume": ping["resume"]})).await;
    let welcome = again.first("welcome").await;
    assert_eq!((&welcome["from"], &welcome["resumed"]), (&json!(3), &json!(true)));
}

#[tokio::test]
async fn a_session_ends_with_its_token_unless_a_fresher_one_comes_in_time() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let short = || installation.token_for(42, Duration::from_secs(4));
    let clients = [
        WsClient::greet(&server.socket(""), &short(), &json!({})).await,
        WsClient::greet(&server.socket(""), &short(), &json!({})).await,
    ];
    for client in &clients {
        let (welcome, asked) = (client.first("welcome").await, client.first("auth_required").await);
        assert_eq!(asked, json!({"t": "auth_required", "token_exp": welcome["token_exp"]}));
    }

    clients[0].send(&json!({"t": "auth", "token": "wrong"}));
    clients[0].send(&json!({"t": "auth", "token": installation.token(42)}));

    let ok = clients[0].first("auth_ok").await;
    assert!(ok["token_exp"].as_i64() > clients[0].first("welcome").await["token_exp"].as_i64());
    let error = clients[0].first("error").await;
    assert_eq!((&error["code"], &error["fatal"]), (&json!("bad_token"), &json!(false)));
    assert_eq!(clients[1].first("bye").await["code"], 4201);
    assert_eq!(clients[1].closed().await["close"], 4201);
    server.emit_many(42, 1).await;
    clients[0].first("event").await;
    clients[0].send(&json!({"t": "auth", "token": installation.token(43)}));
    let errors = clients[0].nth("error", 1).await;
    assert_eq!((&errors["code"], &errors["fatal"]), (&json!("other_user"), &json!(true)));
    assert_eq!(clients[0].closed().await["close"], 4001);
}

#[tokio::test]
async fn whatever_is_wrong_has_an_answer_and_a_code() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    for (hello, frame, code, close) in [
        (json!({"v": 2}), None, "unsupported_version", 4004),
        (json!({"device": "a b"}), None, "bad_frame", 4000),
        (json!({"window": 257}), None, "bad_frame", 4000),
        (json!({"resume": "v1.Zk3xQzzz.5.AAAAAAAAAAAAAAAA"}), None, "bad_resume", 4000),
        (json!({}), Some(r#"{"t":"hello","v":1}"#), "unexpected_hello", 4000),
        (json!({}), Some(r#"{"t":"ack","seq":1}"#), "ack_ahead", 4000),
        (json!({}), Some(r#"{"t":"ack","ids":[{"id":7,"s":"read"}]}"#), "bad_frame", 4000),
        (json!({}), Some(r#"{"t":"ack","ids":[{"id":"a\u0000b","s":"read"}]}"#), "bad_frame", 4000),
        (json!({}), Some("not json"), "bad_frame", 4000),
    ] {
        let (error, closed) = told_after_hello(&server, &hello, frame).await;
        assert_eq!((&error["code"], &error["fatal"], closed), (&json!(code), &json!(true), json!(close)), "{hello}");
        assert!(error["message"].is_string());
    }
    for (counter, count) in [
        (r#"eventcenter_ws_errors_total{code="bad_resume"}"#, 1.0),
        (r#"eventcenter_ws_errors_total{code="unexpected_hello"}"#, 1.0),
        (r#"eventcenter_ws_errors_total{code="ack_ahead"}"#, 1.0),
        (r#"eventcenter_ws_closed_total{reason="bad_request"}"#, 8.0),
    ] {
        eventually(SOON, || async { (server.metric(counter).await? >= count).then_some(()) }).await;
    }
    let plain = server.session(42, "?after=0").await;
    plain.send(&json!({"t": "hello", "v": 1}));
    assert_eq!(plain.first("error").await["code"], "unexpected_hello");
    assert_eq!(plain.closed().await["close"], 4000);

    let client = server.greet(42, &json!({})).await;
    client.send(&json!({"t": "subscribe"}));
    let error = client.first("error").await;
    assert_eq!((&error["code"], &error["fatal"]), (&json!("unknown_frame"), &json!(false)));
    client.send(&json!({"t": "ping"}));
    client.first("pong").await;
}

#[tokio::test]
async fn the_same_device_has_one_session_and_others_stay() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let phone = server.greet(42, &json!({"device": "phone"})).await;
    let (tablet, nameless) = (server.greet(42, &json!({"device": "tablet"})).await, server.greet(42, &json!({})).await);
    let stranger = server.greet(43, &json!({"device": "phone"})).await;
    phone.first("welcome").await;

    let again = server.greet(42, &json!({"device": "phone"})).await;

    assert_eq!(phone.closed().await["close"], 4007);
    for client in [&tablet, &nameless, &stranger, &again, &server.greet(42, &json!({})).await] {
        client.first("welcome").await;
        client.send(&json!({"t": "ping"}));
        client.first("pong").await;
    }
}
