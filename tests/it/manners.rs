//! Clients that break the rules, or take nothing: each has a defined end, and nobody else feels it.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::events::json_with;
use crate::support::eventually::{SOON, eventually};
use crate::support::http::{Answer, request};
use crate::support::installation::Installation;
use crate::support::peer::python;
use crate::support::process::Process;
use crate::support::server::Server;
use crate::support::ws_client::WsClient;

/// A masked frame; the mask is zero.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap();
    let mut head = vec![first];
    if length < 126 {
        head.push(0x80 | u8::try_from(length).unwrap());
    } else {
        head.push(0xfe);
        head.extend(length.to_be_bytes());
    }
    [&head, &[0; 4][..], payload].concat()
}

const TEXT: u8 = 0x81;
const TEXT_BEGINS: u8 = 0x01;
const GOES_ON: u8 = 0x00;
const ENDS: u8 = 0x80;
const BINARY: u8 = 0x82;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;

#[tokio::test]
async fn whoever_breaks_rfc_6455_is_told_by_its_own_codes() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let half = vec![b' '; 4096];
    for (what, bytes, code) in [
        ("unmasked", b"\x81\x02{}".to_vec(), json!(1002)),
        ("a reserved bit", frame(0xc1, b"{}"), json!(1002)),
        ("an unknown kind", frame(0x83, b""), json!(1002)),
        ("a fragmented ping", frame(0x09, b""), json!(1002)),
        ("the end of nothing", frame(ENDS, b""), json!(1002)),
        ("a text within a text", [frame(TEXT_BEGINS, b"a"), frame(TEXT, b"b")].concat(), json!(1002)),
        ("64 KiB of nothing", vec![0; 64 * 1024], json!(1002)),
        ("binary", frame(BINARY, b"{}"), json!(1003)),
        ("not UTF-8", frame(TEXT, b"\xc3\x28"), json!(1007)),
        ("not UTF-8 in pieces", [frame(TEXT_BEGINS, b"\xc3"), frame(ENDS, b"\x28")].concat(), json!(1007)),
        ("8,193 bytes", frame(TEXT, &[b' '; 8193]), json!(1009)),
        (
            "8,193 bytes in pieces",
            [frame(TEXT_BEGINS, &half), frame(GOES_ON, &half), frame(ENDS, b" ")].concat(),
            json!(1009),
        ),
        ("2^63 bytes to come", b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff".to_vec(), json!(1009)),
        ("a close", frame(CLOSE, b"\x0f\xa1done"), json!(4001)),
        ("a close without a code", frame(CLOSE, b""), json!(1000)),
        ("a close with a code that may not be sent", frame(CLOSE, &1005_u16.to_be_bytes()), json!(1002)),
        ("a close with half a code", frame(CLOSE, b"\x03"), json!(1002)),
    ] {
        let client = WsClient::raw(&server.socket("?after=0"), &installation.token(42)).await;
        client.send_bytes(&bytes);
        assert_eq!(client.closed().await["close"], code, "{what}");
    }
    for (reason, count) in [("too_big", 3.0), ("binary", 1.0), ("not_utf8", 2.0), ("protocol", 9.0), ("client", 2.0)] {
        let counter = format!(r#"eventcenter_ws_closed_total{{reason="{reason}"}}"#);
        assert_eq!(server.metric(&counter).await, Some(count), "{reason}");
    }
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

#[tokio::test]
async fn fragments_are_one_message_and_pings_pass_between_them() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let client = WsClient::raw(&server.socket("?after=0"), &installation.token(42)).await;

    let whole = [
        frame(TEXT_BEGINS, br#"{"t":"#),
        frame(PING, b"there?"),
        frame(GOES_ON, br#""pi"#),
        frame(GOES_ON, b""),
        frame(ENDS, br#"ng"}"#),
    ];
    for byte in whole.concat() {
        client.send_bytes(&[byte]);
    }

    assert_eq!(client.frame(0).await, json!({"pong": "7468657265 3f".replace(' ', "")}));
    assert_eq!(client.first("pong").await["head"], 0);
}

#[tokio::test]
async fn ten_thousand_frames_at_once_end_their_session_and_no_other() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let other = server.greet(42, &json!({})).await;
    let hellos = WsClient::raw(&server.socket("?after=0"), &installation.token(42)).await;
    let pongs = WsClient::raw(&server.socket("?after=0"), &installation.token(42)).await;

    hellos.send_bytes(&frame(TEXT, br#"{"t":"hello","v":1}"#).repeat(10_000));
    pongs.send_bytes(&frame(0x8a, b"").repeat(10_000));

    assert_eq!(hellos.first("error").await["code"], "unexpected_hello");
    assert_eq!(hellos.closed().await["close"], 4000);
    let warned = pongs.first("error").await;
    assert_eq!((&warned["code"], &warned["fatal"]), (&json!("rate_limited"), &json!(false)));
    assert_eq!(pongs.first("bye").await["code"], 4104);
    assert_eq!(pongs.closed().await["close"], 4104);
    other.send(&json!({"t": "ping"}));
    other.first("pong").await;
}

#[tokio::test]
async fn who_says_no_hello_is_not_waited_for() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;

    let client = WsClient::offer(&server.socket(""), &installation.token(42));

    assert_eq!(client.closed().await["close"], 4102);
    assert_eq!(client.first("bye").await["code"], 4102);
}

#[tokio::test]
async fn a_token_that_does_not_count_is_told_inside_to_who_speaks_the_protocol_and_outside_to_others() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let expired = installation.token_for(42, Duration::ZERO);
    for token in ["wrong", &installation.token(42)[1..]] {
        assert_eq!(WsClient::offer(&server.socket(""), token).closed().await["close"], 4001);
        assert_eq!(WsClient::try_open(&server.socket(""), token).closed().await["status"], 401);
    }
    // The clocks' leeway lets it in, and its end is enforced all the same.
    let late = WsClient::greet(&server.socket(""), &expired, &json!({})).await;
    assert_eq!(late.closed().await["close"], 4201);

    let ask = |name: &str, value: &str| {
        let call = request(Method::GET, &server.url("/ws"));
        let call = call.header("cookie", format!("ec_token={}", installation.token(42))).header(name, value);
        let handshake = [("connection", "upgrade"), ("upgrade", "websocket"), ("sec-websocket-version", "13")];
        let call = handshake.iter().fold(call, |call, (name, value)| call.header(*name, *value));
        Answer::to(
            call.header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
                .header("sec-websocket-protocol", "eventcenter.v1.json"),
        )
    };
    assert_eq!(ask("origin", "https://evil.example").await.status.as_u16(), 403);
    assert_eq!(ask("x-nothing", "").await.status.as_u16(), 403);
    assert_eq!(server.metric(r#"eventcenter_ws_refused_total{reason="origin"}"#).await, Some(2.0));
    assert_eq!(server.metric(r#"eventcenter_ws_refused_total{reason="token"}"#).await, Some(4.0));
}

#[tokio::test]
async fn a_client_that_cannot_be_told_where_it_begins_is_sent_away() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let mut blocker = installation.db.pool().begin().await.unwrap();
    sqlx::Executor::execute(&mut *blocker, "lock table eventcenter.devices in access exclusive mode").await.unwrap();

    let client = server.greet(42, &json!({})).await;

    assert_eq!(client.first("bye").await["code"], 4101);
    assert_eq!(client.closed().await["close"], 4101);
}

async fn resident_megabytes(server: &Server<'_>) -> f64 {
    server.metric("process_resident_memory_bytes").await.unwrap() / 1e6
}

#[tokio::test]
async fn clients_that_stop_reading_are_cut_and_nobody_else_feels_them() {
    const PEOPLE: i64 = 5;
    const EACH: usize = 20;
    let installation = Installation::fresh().await;
    let server = installation.serve_with(&[("EVENTCENTER_PING_INTERVAL", "5s")]).await;
    let address: Vec<String> = server.url("").trim_start_matches("http://").split(':').map(str::to_owned).collect();
    let mut command = python("ws_stuck.py");
    command.args(&address).arg(EACH.to_string()).args((1..=PEOPLE).map(|user| installation.token(user)));
    let stuck = Process::start(&mut command);
    stuck.says(|line| line.contains("open").then_some(())).await;
    // A plain stream, whose pings the client's library answers by itself.
    let healthy = server.session(42, "").await;
    let before = resident_megabytes(&server).await;

    // 2 MB for each of 100 sessions.
    let large = json!({"channels": ["ws"], "body": "x".repeat(16_000), "data": {"more": "y".repeat(24_000)}});
    for user in 1..=PEOPLE {
        for _ in 0..5 {
            let batch: Vec<Value> = vec![json_with(user, &large); 10];
            server.service_json(Method::POST, "/events", &batch.into()).await.expect(202);
        }
        server.emit_many(42, 1).await;
        healthy.nth("event", usize::try_from(user).unwrap() - 1).await;
        let grown = resident_megabytes(&server).await - before;
        assert!(grown < 100.0, "{grown} MB for what nobody takes");
    }

    // The kernel may have taken it all in their place; then a ping that is not answered tells.
    let cut =
        ["slow_consumer", "pong_timeout"].map(|reason| format!(r#"eventcenter_ws_closed_total{{reason="{reason}"}}"#));
    eventually(SOON * 2, || async {
        let [slow, silent] = [server.metric(&cut[0]).await, server.metric(&cut[1]).await];
        (slow.unwrap_or_default() + silent.unwrap_or_default() >= 100.0).then_some(())
    })
    .await;
    healthy.send(&json!({"t": "ping"}));
    healthy.first("pong").await;
}
