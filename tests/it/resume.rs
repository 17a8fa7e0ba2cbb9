//! A position is good on every node for as long as the inbox goes back, and what cannot come is named.

use serde_json::{Value, json};
use sqlx::Executor;

use crate::support::database::Database;
use crate::support::events::json_with;
use crate::support::installation::Installation;
use crate::support::server::Server;
use crate::support::ws_client::WsClient;

fn seqs(client: &WsClient) -> Vec<i64> {
    client.all("event").iter().map(|frame| frame["seq"].as_i64().unwrap()).collect()
}

/// A session of somebody's phone that has come to the end of the stream, with the token for that.
async fn at_the_end(server: &Server<'_>, user: i64) -> (WsClient, Value) {
    let client = server.greet(user, &json!({"device": "phone"})).await;
    let done = client.first("replay_done").await;
    (client, done["resume"].clone())
}

#[tokio::test]
async fn a_position_holds_across_a_restart_and_on_another_node() {
    let installation = Installation::fresh().await;
    let first = installation.serve().await;
    first.emit_many(42, 3).await;
    let (client, token) = at_the_end(&first, 42).await;
    first.stop();
    assert_eq!(client.first("bye").await["code"], 4202);
    assert_eq!(client.closed().await["close"], 4202);
    first.ended().await;

    let (second, third) = (installation.serve().await, installation.serve().await);
    second.emit_many(42, 2).await;
    second.emit_many(43, 500).await;
    let long = third.session(43, "?after=0").await;
    long.nth("event", 499).await;
    assert_eq!(seqs(&long), (1..=500).collect::<Vec<_>>());
    for (server, device) in [(&second, "phone"), (&third, "phone")] {
        let again = server.greet(42, &json!({"device": device, "resume": token})).await;
        let welcome = again.first("welcome").await;
        assert_eq!((&welcome["from"], &welcome["resumed"]), (&json!(3), &json!(true)));
        assert_eq!(again.first("replay_done").await["count"], 2);
        assert_eq!(seqs(&again), [4, 5]);
    }
    let further = third.greet(42, &json!({"device": "phone", "resume": token, "after": 4})).await;
    further.first("replay_done").await;
    assert_eq!(seqs(&further), [5]);
}

#[tokio::test]
async fn a_token_of_another_person_or_device_is_refused() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    server.emit_many(42, 1).await;
    let (_client, token) = at_the_end(&server, 42).await;
    let forged = token.as_str().unwrap().replace(".1.", ".0.");

    for (user, device, token) in
        [(43, "phone", token.clone()), (42, "tablet", token.clone()), (42, "phone", forged.into())]
    {
        let client = server.greet(user, &json!({"device": device, "resume": token})).await;
        assert_eq!(client.first("error").await["code"], "bad_resume");
        assert_eq!(client.closed().await["close"], 4000);
    }
}

#[tokio::test]
async fn what_retention_took_is_a_gap_and_never_silence() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    server.emit_many(42, 1).await;
    let (client, token) = at_the_end(&server, 42).await;
    drop(client);
    server.emit_many(42, 4).await;
    let aged = "update eventcenter.inbox set at = at - interval '91 days' where seq <= 3";
    installation.db.pool().execute(aged).await.unwrap();
    assert_eq!(installation.db.store().trim_inbox(90, 100).await.unwrap(), 3);

    let again = server.greet(42, &json!({"device": "phone", "resume": token})).await;

    assert_eq!(again.first("replay_done").await["count"], 2);
    let welcome = again.first("welcome").await;
    assert_eq!((&welcome["resumed"], &welcome["from"]), (&json!(false), &json!(3)));
    let gap = json!({"t": "gap", "from": 2, "to": 3, "reason": "retention", "sync": "/api/inbox"});
    assert_eq!(again.frame(1).await, gap);
    assert_eq!(seqs(&again), [4, 5]);
    let plain = server.session(42, "?after=0").await;
    assert_eq!(plain.first("gap").await["to"], 3);
    assert_eq!(plain.nth("event", 1).await["seq"], 5);
}

#[tokio::test]
async fn a_position_beyond_the_end_is_told_so_and_the_session_goes_on_from_there() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    server.emit_many(42, 2).await;

    let client = server.greet(42, &json!({"after": 99})).await;

    let gap = client.first("gap").await;
    assert_eq!((&gap["from"], &gap["to"], &gap["reason"]), (&json!(1), &json!(2), &json!("ahead")));
    server.emit(&json_with(42, &json!({"channels": ["ws"]}))).await;
    assert_eq!(client.first("event").await["seq"], 3);
}

#[tokio::test]
async fn streams_that_begin_anew_end_their_sessions_and_outdate_every_position() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    server.emit_many(42, 3).await;
    let (client, token) = at_the_end(&server, 42).await;
    client.send(&json!({"t": "ack", "seq": 3}));

    installation.db.pool().execute("truncate eventcenter.streams, eventcenter.inbox").await.unwrap();

    assert_eq!(client.first("bye").await["code"], 4203);
    assert_eq!(client.closed().await["close"], 4203);
    server.emit_many(42, 5).await;
    let again = server.greet(42, &json!({"device": "phone", "resume": token})).await;
    let gap = again.first("gap").await;
    assert_eq!((&gap["from"], &gap["to"], &gap["reason"]), (&json!(1), &json!(5), &json!("epoch")));
    let welcome = again.first("welcome").await;
    assert_eq!((&welcome["resumed"], &welcome["from"]), (&json!(false), &json!(5)));
    let fresh = server.greet(42, &json!({"resume": null})).await;
    assert_eq!(fresh.first("welcome").await["epoch"], welcome["epoch"], "one epoch, once it has begun");
}

#[tokio::test]
async fn a_restored_dump_and_another_timeline_begin_a_new_epoch_and_nothing_else_does() {
    let db = Database::fresh().await;
    let epoch = async || {
        let name: String = sqlx::query_scalar("select eventcenter.current_epoch()").fetch_one(db.pool()).await.unwrap();
        name
    };
    let first = epoch().await;
    db.pool().execute("vacuum full eventcenter.epoch").await.unwrap();
    assert_eq!(epoch().await, first);

    // As COPY writes it back.
    let restore = "with dumped as (delete from eventcenter.epoch returning *) insert into eventcenter.epoch
        select not is_the_only_row, name, written_by, timeline from dumped";
    sqlx::raw_sql("alter table eventcenter.epoch drop constraint there_is_one_epoch").execute(db.pool()).await.unwrap();
    db.pool().execute(restore).await.unwrap();
    let second = epoch().await;
    assert_ne!(second, first);
    assert_eq!(epoch().await, second);

    let recovered =
        "update eventcenter.epoch set timeline = '000000FF', written_by = pg_current_xact_id()::text::bigint";
    db.pool().execute(recovered).await.unwrap();
    let third = epoch().await;
    assert_ne!(third, second);
    assert_eq!(epoch().await, third);
}
