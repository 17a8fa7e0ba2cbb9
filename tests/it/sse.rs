//! Server-sent events: the same stream, for networks that break WebSockets.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::event_stream::EventStream;
use crate::support::events::json_with;
use crate::support::eventually::{SOON, eventually};
use crate::support::http::{Answer, request};
use crate::support::installation::Installation;
use crate::support::server::Server;

async fn open(server: &Server<'_>, user: i64, query: &str, last: Option<&str>) -> EventStream {
    let token = server.token(user);
    EventStream::open(&server.url(&format!("/api/stream{query}")), &token, last).await.unwrap().unwrap()
}

async fn emit(server: &Server<'_>, count: usize) {
    for _ in 0..count {
        server.emit(&json_with(42, &json!({"channels": ["ws"]}))).await;
    }
}

#[tokio::test]
async fn a_stream_begins_with_a_welcome_and_brings_what_was_missed_and_then_what_comes() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    emit(&server, 2).await;

    let mut stream = open(&server, 42, "?device=phone&after=0", None).await;

    assert_eq!(stream.header("cache-control"), "no-store");
    assert_eq!(stream.header("x-accel-buffering"), "no");
    let welcome = stream.next().await.unwrap();
    assert_eq!((welcome.kind.as_str(), welcome.retry.as_deref()), ("welcome", Some("3000")));
    let said = &welcome.data;
    assert_eq!((&said["t"], &said["from"], &said["head"]), (&json!("welcome"), &json!(0), &json!(2)));
    assert_eq!((&said["device"], &said["resumed"]), (&json!("phone"), &json!(true)));
    assert_eq!(welcome.id.as_deref(), said["resume"].as_str());
    for seq in 1..=2 {
        let event = stream.next().await.unwrap();
        let data = &event.data;
        assert_eq!((event.kind.as_str(), &data["seq"], &data["replay"]), ("event", &json!(seq), &json!(true)));
        assert!(event.id.unwrap().starts_with(&format!("v1.{}.{seq}.", said["epoch"].as_str().unwrap())));
    }
    let done = stream.next().await.unwrap();
    assert_eq!((done.kind.as_str(), &done.data["count"]), ("replay_done", &json!(2)));
    assert_eq!(done.id.as_deref(), done.data["resume"].as_str());
    emit(&server, 1).await;
    let live = stream.comes("event").await.data;
    assert_eq!((&live["seq"], &live["prev"], &live["replay"]), (&json!(3), &json!(2), &json!(false)));
}

#[tokio::test]
async fn what_a_browser_sends_back_by_itself_resumes_on_another_node() {
    let installation = Installation::fresh().await;
    let (one, two) = (installation.serve().await, installation.serve().await);
    emit(&one, 3).await;
    let mut stream = open(&one, 42, "?device=phone&after=0", None).await;
    stream.comes("event").await;
    let last = stream.comes("event").await.id.unwrap();
    drop(stream);

    // The URL is as it was; the newer of the two positions counts.
    let mut again = open(&two, 42, "?device=phone&after=0", Some(&last)).await;

    let welcome = again.next().await.unwrap().data;
    assert_eq!((&welcome["from"], &welcome["resumed"]), (&json!(2), &json!(true)));
    assert_eq!(again.comes("event").await.data["seq"], 3);
}

#[tokio::test]
async fn acknowledgements_come_by_post() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let id = server.emit(&json_with(42, &json!({"channels": ["ws"]}))).await;
    server.comes_to(&id, "ws", "sent").await;
    let ack = async |body: Value| server.person_json(42, Method::POST, "/api/stream/ack", &body).await;

    ack(json!({"device": "phone", "seq": 1, "ids": [{"id": id, "s": "displayed"}]})).await.expect(204);

    server.comes_to(&id, "ws", "delivered").await;
    let mut stream = open(&server, 42, "?device=phone", None).await;
    assert_eq!(stream.next().await.unwrap().data["from"], 1, "the device goes on where it was");
    for (body, field) in [
        (json!({"seq": 2}), "seq"),
        (json!({"seq": -1}), "seq"),
        (json!({"device": "a b", "seq": 1}), "device"),
        (json!({"ids": [{"id": "evt_1", "s": "eaten"}]}), "ids[].s"),
        (json!({"ids": [{"id": "evt\0", "s": "read"}]}), "ids[].id"),
        (json!([]), "body"),
    ] {
        assert_eq!(ack(body.clone()).await.faulty_fields(400), [field], "{body}");
    }
    let too_large = json!({"ids": [], "padding": "x".repeat(10_000)});
    assert_eq!(ack(too_large).await.faulty_fields(413), [""; 0]);
    server.service_json(Method::POST, "/api/stream/ack", &json!({"seq": 1})).await.expect(401);
}

#[tokio::test]
async fn what_a_person_reads_elsewhere_comes_as_a_message_of_its_kind() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let id = server.emit(&json_with(42, &json!({"channels": ["ws"]}))).await;
    let mut stream = open(&server, 42, "?after=0", None).await;
    stream.comes("replay_done").await;

    let read = json!({"ids": [id]});
    server.person_json(42, Method::POST, "/api/inbox/read", &read).await.expect(200);

    let marks = stream.comes("marks").await.data;
    assert_eq!((&marks["op"], &marks["ids"]), (&json!("read"), &json!([id])));
}

#[tokio::test]
async fn a_ticket_and_a_cookie_of_an_own_page_let_in_and_a_foreign_page_is_kept_out() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let ticket = server.ticket(&installation.token(42)).await.expect(201).json();
    let by_ticket = format!("/api/stream?ticket={}", ticket["ticket"].as_str().unwrap());
    let by_cookie = |site: &'static str| {
        let cookie = format!("ec_token={}", installation.token(42));
        request(Method::GET, &server.url("/api/stream")).header("cookie", cookie).header("origin", site)
    };

    assert_eq!(request(Method::GET, &server.url(&by_ticket)).send().await.unwrap().status(), 200);
    Answer::to(request(Method::GET, &server.url(&by_ticket))).await.expect(401);
    let own = Box::leak(server.url("").into_boxed_str());
    assert_eq!(by_cookie(own).send().await.unwrap().status(), 200);
    Answer::to(by_cookie("https://evil.example")).await.expect(403);
}

#[tokio::test]
async fn what_a_socket_says_by_its_close_code_comes_as_bye() {
    let installation = Installation::fresh().await;
    let (stops, lives) = (installation.serve().await, installation.serve().await);
    let mut ends = open(&lives, 42, "?device=phone", None).await;
    ends.comes("welcome").await;
    let mut drained = open(&stops, 43, "?device=phone", None).await;
    drained.comes("welcome").await;
    stops.is_there(42, 1).await;

    let _newer = open(&stops, 42, "?device=phone", None).await;

    let bye = ends.comes("bye").await.data;
    assert_eq!((&bye["code"], &bye["retry_ms"]), (&json!(4007), &Value::Null));
    assert!(ends.next().await.is_none());
    stops.stop();
    let bye = drained.comes("bye").await.data;
    assert_eq!((&bye["code"], &bye["retry_ms"][0]), (&json!(4202), &json!(0)));
    assert!(drained.next().await.is_none());
}

#[tokio::test]
async fn a_stream_ends_with_its_token() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let exp = jiff::Timestamp::now().as_second() + 2;
    let token = installation.token_saying(&json!({"sub": 42, "exp": exp}));

    let mut stream = EventStream::open(&server.url("/api/stream"), &token, None).await.unwrap().unwrap();

    assert_eq!(stream.comes("bye").await.data["code"], 4201);
}

#[tokio::test]
async fn a_streams_person_is_present_until_it_is_closed() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;

    let stream = open(&server, 42, "", None).await;

    server.is_there(42, 1).await;
    drop(stream);
    server.is_there(42, 0).await;
}

#[tokio::test]
async fn what_is_wrong_is_named_before_the_stream_begins() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    emit(&server, 1).await;
    let mut stream = open(&server, 42, "?device=phone&after=0", None).await;
    let token = stream.comes("event").await.id.unwrap();

    let other_end = if token.ends_with('x') { 'y' } else { 'x' };
    let forged = format!("{}{other_end}", &token[..token.len() - 1]);
    for (user, query, last, field) in [
        (42, "?device=a%20b", None, "device"),
        (42, "?after=-1", None, "after"),
        (42, "?colour=red", None, "colour"),
        (42, "?device=phone", Some(&*forged), "Last-Event-ID"),
        (42, "?device=laptop", Some(&*token), "Last-Event-ID"),
        (43, "?device=phone", Some(&*token), "Last-Event-ID"),
        (42, "?device=phone&resume=x", None, "resume"),
    ] {
        let asked =
            request(Method::GET, &server.url(&format!("/api/stream{query}"))).bearer_auth(installation.token(user));
        let answer = Answer::to(last.into_iter().fold(asked, |asked, last| asked.header("last-event-id", last))).await;
        assert_eq!(answer.faulty_fields(400), [field], "{query} {last:?}");
    }
    Answer::to(request(Method::GET, &server.url("/api/stream"))).await.expect(401);
}

#[tokio::test]
async fn a_position_beyond_the_end_is_a_gap_and_the_stream_goes_on() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    emit(&server, 2).await;

    let mut stream = open(&server, 42, "?after=9", None).await;

    assert_eq!(stream.next().await.unwrap().data["resumed"], false);
    let gap = stream.comes("gap").await.data;
    assert_eq!((&gap["from"], &gap["to"], &gap["reason"]), (&json!(1), &json!(2), &json!("ahead")));
    emit(&server, 1).await;
    assert_eq!(stream.comes("event").await.data["seq"], 3);
}

#[tokio::test]
async fn a_client_that_stops_reading_is_let_go_and_costs_nobody_else_anything() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let stuck = open(&server, 42, "?device=stuck", None).await;
    server.is_there(42, 1).await;

    // More than the buffers of both ends hold.
    let large = json_with(42, &json!({"channels": ["ws"], "body": "x".repeat(16_000)}));
    let many = Value::Array(vec![large; 500]);
    for _ in 0..2 {
        server.service_json(Method::POST, "/events", &many).await.expect(202);
    }
    let mut reads = open(&server, 42, "?device=reads&after=0", None).await;
    while reads.comes("event").await.data["seq"] != 1000 {}

    eventually(SOON, || async { (server.presence(42).await["sessions"] == 1).then_some(()) }).await;
    drop(stuck);
}
