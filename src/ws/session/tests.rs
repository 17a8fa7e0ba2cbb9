use std::sync::Arc;
use std::time::Duration;

use eventcenter_core::store::{Store, StreamHead, StreamStart};
use eventcenter_core::tasks::Tasks;
use serde_json::{Value, json};

use super::*;
use crate::auth::{CookieRules, Origins, Tokens};
use crate::ws::frame::Frame;
use crate::ws::node::{Node, NodeSettings};
use crate::ws::outbox::{Page, Rest};

const SECRET: [u8; 32] = [7; 32];
const ANNA: UserId = UserId::from_row(1);

/// A node whose database is away.
pub(in crate::ws) fn a_node() -> Node {
    a_node_with(Tasks::default())
}

pub(in crate::ws) fn a_node_with(tasks: Tasks) -> Node {
    let store = Store::connect("postgres://nobody@127.0.0.1:1/none", 1).unwrap();
    let cookie = CookieRules { name: "ec_token".to_owned(), origins: Origins::default() };
    let settings = NodeSettings { ping_every: Duration::from_secs(25), drain_time: Duration::from_secs(20) };
    Node::new(store, Tokens::hs256(SECRET), cookie, settings, tasks)
}

pub(in crate::ws) fn an_opening(user: UserId) -> Opening {
    Opening { user, mode: Mode::Full, issued_at: None, token_exp: i64::MAX, ping_every: Duration::from_secs(25) }
}

pub(in crate::ws) fn a_session() -> Arc<Session> {
    Arc::new(Session::new(an_opening(ANNA), None))
}

fn resume() -> Resume {
    Resume::new(&Tokens::hs256(SECRET))
}

fn start(last: i64) -> StreamStart {
    let head = StreamHead { last: Seq(last), trimmed_to: Seq(0) };
    StreamStart { epoch: Epoch::parse("an_epoch").unwrap(), head, device: None, furthest: None }
}

/// Begins it at the beginning of an empty stream.
pub(in crate::ws) fn begin(session: &Session) {
    session.greeted(DeviceId::default(), Beginning::default());
    session.begin(&resume(), &start(0));
}

/// What it sends next, as JSON.
fn sent(session: &Session) -> Vec<Value> {
    let batch = session.take(&resume());
    batch.frames.iter().map(|frame| serde_json::from_slice(&frame.json()).unwrap()).collect()
}

fn names(frames: &[Value]) -> Vec<&str> {
    frames.iter().map(|frame| frame["t"].as_str().unwrap()).collect()
}

fn event(seq: i64, kind: Kind) -> StreamFrame {
    let json = json!({"t": "event", "seq": seq}).to_string();
    StreamFrame { seq: Seq(seq), kind, frame: Frame::text(json.as_bytes()) }
}

#[tokio::test]
async fn a_session_is_welcomed_replayed_and_live_in_this_order() {
    let (node, session) = (a_node(), a_session());
    hear(&node, &session, r#"{"t":"hello","v":1,"after":0}"#);
    assert_eq!(sent(&session), [json!(null); 0], "nothing comes before it is known where it begins");

    session.begin(&resume(), &start(2));
    assert!(session.asks());
    session.start_page();
    let frames = vec![event(1, Kind::Replay), event(2, Kind::Replay), event(3, Kind::Live)];
    session.take_page(&Page { after: Seq(0), frames, rest: Rest::Nothing });

    let frames = sent(&session);
    assert_eq!(names(&frames), ["welcome", "event", "event", "replay_done", "event"]);
    assert_eq!((&frames[0]["head"], &frames[0]["from"], &frames[0]["resumed"]), (&json!(2), &json!(0), &json!(true)));
    assert_eq!((&frames[3]["to"], &frames[3]["count"]), (&json!(2), &json!(2)));
    let token = frames[3]["resume"].as_str().unwrap();
    assert_eq!(resume().read(token, ANNA, &DeviceId::default()).unwrap().seq, Seq(2));
}

#[tokio::test]
async fn a_batch_that_leaves_something_behind_is_followed_by_another() {
    let session = a_session();
    begin(&session);
    let last = i64::try_from(3 * BATCH_MAX).unwrap();
    let frames = (1..=last).map(|seq| event(seq, Kind::Live)).collect();
    session.offer(&Page { after: Seq(0), frames, rest: Rest::Nothing });

    let mut taken = 0;
    while taken < 3 * BATCH_MAX + 2 {
        tokio::time::timeout(Duration::from_secs(5), session.changed()).await.unwrap();
        taken += session.take(&resume()).frames.len();
    }
}

#[tokio::test]
async fn an_ack_is_good_for_what_was_sent_and_for_nothing_beyond() {
    let (node, session) = (a_node(), a_session());
    begin(&session);
    session.offer(&Page { after: Seq(0), frames: vec![event(1, Kind::Live)], rest: Rest::Nothing });

    hear(&node, &session, r#"{"t":"ack","seq":1}"#);

    assert_eq!(sent(&session).last().unwrap()["code"], "ack_ahead", "it was not sent yet");
    assert!(session.is_ending());
}

#[tokio::test]
async fn a_token_in_band_prolongs_only_the_session_of_its_person() {
    let (node, session) = (a_node(), a_session());
    begin(&session);
    sent(&session);
    let auth = |user| {
        let token = node.tokens().issue(UserId::from_row(user), Duration::from_mins(1)).unwrap();
        json!({"t": "auth", "token": token}).to_string()
    };

    hear(&node, &session, &auth(1));
    hear(&node, &session, r#"{"t":"auth","token":"x"}"#);
    assert_eq!(names(&sent(&session)), ["auth_ok", "error"]);
    assert!(!session.is_ending());

    hear(&node, &session, &auth(2));
    let batch = session.take(&resume());
    assert_eq!(batch.end, Some(End::Unauthorized));
}

#[tokio::test]
async fn a_client_that_takes_nothing_cannot_make_answers_pile_up() {
    let (node, session) = (a_node(), a_session());
    begin(&session);

    for _ in 0..1000 {
        hear(&node, &session, r#"{"t":"ping"}"#);
        session.tell(&Frame::text(br#"{"t":"marks"}"#));
    }

    let frames = sent(&session);
    assert!(frames.len() <= ANSWERS_MAX + TOLD_MAX + 2, "{}", frames.len());
    assert!(frames.iter().any(|frame| frame["op"] == "read" && frame["ids"].is_null()), "it must read the inbox");
}

#[tokio::test]
async fn what_others_did_is_told_after_the_welcome_and_not_to_plain_streams() {
    let session = a_session();
    let plain = Session::new(Opening { mode: Mode::Plain, ..an_opening(ANNA) }, None);
    let told = Frame::text(br#"{"t":"answered"}"#);

    session.tell(&told);
    begin(&session);
    begin(&plain);
    session.tell(&told);
    plain.tell(&told);

    assert_eq!(names(&sent(&session)), ["welcome", "answered", "replay_done"]);
    assert_eq!(sent(&plain), [json!(null); 0]);
}

#[test]
fn a_stream_that_ends_before_the_session_is_another_one() {
    let session = a_session();
    session.greeted(DeviceId::default(), Beginning { after: Some(Seq(5)), ..Beginning::default() });
    session.begin(&resume(), &start(5));

    assert!(session.compare(Seq(5), StreamHead { last: Seq(6), trimmed_to: Seq(0) }));
    assert!(!session.compare(Seq(5), StreamHead { last: Seq(4), trimmed_to: Seq(0) }));

    assert_eq!(session.take(&resume()).end, Some(End::Resync));
}
