//! One person's sessions, over all nodes: how many there may be, and what becomes of the rest.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use crate::support::event_stream::EventStream;
use crate::support::eventually::{SOON, eventually};
use crate::support::installation::Installation;
use crate::support::server::Server;
use crate::support::severable::Severable;
use crate::support::socket::{Message, Socket};

/// After its last sign of life a node's sessions count for 5 seconds.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// So many devices of one person.
async fn devices(server: &Server<'_>, token: &str, side: &str, count: usize) -> Vec<Socket> {
    let mut sockets = Vec::new();
    for number in 0..count {
        sockets.push(server.device(token, &format!("{side}{number}")).await);
    }
    sockets
}

/// The close codes of those that are closed once everything is quiet: `left` of all are not.
async fn closed(sockets: Vec<Socket>, left: usize) -> Vec<u16> {
    let (ended, codes) = (std::cell::Cell::new(0), std::cell::RefCell::new(Vec::new()));
    let expected = sockets.len() - left;
    let listen = async |mut socket: Socket| {
        loop {
            match socket.next().await {
                Message::Frame(_) => {}
                Message::Closed(code) => codes.borrow_mut().push(code),
                Message::Cut => break ended.set(ended.get() + 1),
            }
        }
    };
    let all = join_all(sockets.into_iter().map(listen));
    let enough = eventually(SOON, || async { (ended.get() >= expected).then_some(()) });
    tokio::select! {
        _ = all => {}
        () = enough => {}
    }
    codes.into_inner()
}

#[tokio::test]
async fn a_person_has_at_most_twenty_sessions_in_the_cluster_even_in_a_race_of_two_nodes() {
    let installation = Installation::fresh().await;
    let (one, two) = (installation.serve().await, installation.serve().await);
    let token = installation.token(42);

    let (a, b) = tokio::join!(devices(&one, &token, "a", 15), devices(&two, &token, "b", 15));

    let sockets = a.into_iter().chain(b).collect();
    assert_eq!(closed(sockets, 20).await, [4105; 10]);
}

#[tokio::test]
async fn the_oldest_goes_when_one_too_many_comes() {
    let installation = Installation::fresh().await;
    let (one, two) = (installation.serve().await, installation.serve().await);
    let token = installation.token(42);
    let mut oldest = one.device(&token, "oldest").await;
    one.is_there(42, 1).await;
    let _others = devices(&one, &token, "a", 19).await;
    one.is_there(42, 20).await;

    let _newest = two.device(&token, "newest").await;

    assert_eq!(oldest.closed().await, 4105);
    two.is_there(42, 20).await;
}

#[tokio::test]
async fn a_devices_newer_session_replaces_the_older_one_on_another_node() {
    let installation = Installation::fresh().await;
    let (one, two) = (installation.serve().await, installation.serve().await);
    let token = installation.token(42);
    let mut older = one.device(&token, "phone").await;
    let _other = one.device(&token, "laptop").await;
    one.is_there(42, 2).await;

    let _newer = two.device(&token, "phone").await;

    assert_eq!(older.closed().await, 4007);
    two.is_there(42, 2).await;
}

#[tokio::test]
async fn presence_is_right_within_the_heartbeat_after_a_node_was_killed() {
    let installation = Installation::fresh().await;
    let (dies, lives) = (installation.serve().await, installation.serve().await);
    let (anna, boris) = (installation.token(42), installation.token(43));
    let _sockets =
        [dies.device(&anna, "phone").await, lives.device(&anna, "laptop").await, dies.device(&boris, "a").await];
    lives.is_there(42, 2).await;
    lives.is_there(43, 1).await;

    dies.kill9();

    let deadline = HEARTBEAT + Duration::from_secs(2);
    eventually(deadline, || async { (lives.presence(43).await["online"] == false).then_some(()) }).await;
    let batch = lives.service(reqwest::Method::GET, "/api/presence?user_ids=43,42,44").await.expect(200).json();
    let found: Vec<_> = batch["presence"].as_array().unwrap().iter().collect();
    let online: Vec<_> = found.iter().map(|one| (&one["user_id"], &one["online"], &one["sessions"])).collect();
    let wanted =
        [(json!(42), json!(true), json!(1)), (json!(43), json!(false), json!(0)), (json!(44), json!(false), json!(0))];
    assert_eq!(online, wanted.iter().map(|(a, b, c)| (a, b, c)).collect::<Vec<_>>());
    assert!(found[1]["last_seen_at"].is_string() && found[2]["last_seen_at"].is_null(), "{batch}");
    let gone = "select count(*) from eventcenter.nodes";
    eventually(SOON, || async { (installation.db.count(gone).await == 1).then_some(()) }).await;
}

#[tokio::test]
async fn a_node_that_stops_in_order_is_gone_at_once() {
    let installation = Installation::fresh().await;
    let (stops, lives) = (installation.serve().await, installation.serve().await);
    let mut socket = stops.device(&installation.token(42), "phone").await;
    lives.is_there(42, 1).await;

    stops.stop();

    assert_eq!(socket.closed().await, 4202);
    eventually(Duration::from_secs(3), || async { (lives.presence(42).await["online"] == false).then_some(()) }).await;
    assert!(lives.presence(42).await["last_seen_at"].is_string());
}

#[tokio::test]
async fn sessions_go_on_without_the_database_and_count_again_when_it_is_back() {
    let installation = Installation::fresh().await;
    let way = Severable::to(&installation.db).await;
    let (cut_off, other) = (installation.serve_with(&[("DATABASE_URL", way.url())]).await, installation.serve().await);
    let token = installation.token(42);
    let mut kept = cut_off.device(&token, "kept").await;
    let ends = cut_off.device(&token, "ends").await;
    other.is_there(42, 2).await;

    way.sever();
    drop(ends);
    other.is_there(42, 0).await;
    way.heal();

    other.is_there(42, 1).await;
    kept.send(&json!({"t": "ping"})).await.unwrap();
    while kept.frame().await["t"] != "pong" {}
}

#[tokio::test]
async fn presence_is_right_after_hundreds_of_connections_have_come_and_gone() {
    // So many that nobody comes near the limit, even before anybody has left.
    const USERS: usize = 25;
    let installation = Installation::fresh().await;
    let servers = [installation.serve().await, installation.serve().await];
    let tokens: Vec<String> = (1..).take(USERS).map(|user| installation.token(user)).collect();

    let come_and_go = async |server: &Server<'_>| {
        let (socket, stream) = (server.socket("?after=0"), server.url("/api/stream"));
        let mut stay = Vec::new();
        for number in 0..200 {
            let token = &tokens[number % USERS];
            drop(Socket::open(&socket, Some(token), "").await.unwrap().unwrap());
            if number % 13 == 0 {
                stay.push((number % USERS, EventStream::open(&stream, token, None).await.unwrap().unwrap()));
            }
        }
        stay
    };
    let (one, two) = tokio::join!(come_and_go(&servers[0]), come_and_go(&servers[1]));

    for (index, user) in (1..).take(USERS).enumerate() {
        let left = one.iter().chain(&two).filter(|(whose, _)| *whose == index).count();
        servers[0].is_there(user, i64::try_from(left).unwrap()).await;
    }
}

#[tokio::test]
async fn presence_is_for_services_and_names_what_is_wrong() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let get = reqwest::Method::GET;

    for path in ["/api/users/42/presence", "/api/presence?user_ids=42"] {
        server.person_json(42, get.clone(), path, &json!({})).await.expect(401);
    }
    for (path, field) in [
        ("/api/users/0/presence", "id"),
        ("/api/presence", "user_ids"),
        ("/api/presence?user_ids=1,x", "user_ids"),
        ("/api/presence?user_ids=1&more=1", "more"),
    ] {
        assert_eq!(server.service(get.clone(), path).await.faulty_fields(400), [field], "{path}");
    }
}
