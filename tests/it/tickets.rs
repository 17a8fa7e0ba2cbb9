//! A ticket opens one socket, once, for whom it was issued.

use serde_json::{Value, json};

use crate::support::database::Database;
use crate::support::events::json_with;
use crate::support::installation::Installation;
use crate::support::server::Server;
use crate::support::socket::Socket;

const PROTOCOL: &str = "eventcenter.v1.json";

async fn ticket(server: &Server<'_>, token: &str) -> String {
    let answer = server.ticket(token).await.expect(201);
    assert_eq!((answer.header("cache-control"), &answer.json()["expires_in"]), ("no-store", &json!(30)));
    answer.json()["ticket"].as_str().unwrap().to_owned()
}

/// Opens a plain stream by a ticket; the status of a refusal.
async fn open(server: &Server<'_>, ticket: &str) -> Result<Socket, u16> {
    Socket::open(&server.socket(&format!("?after=0&ticket={ticket}")), None, "").await.unwrap()
}

async fn let_expire(db: &Database) {
    sqlx::query("update eventcenter.tickets set expires_at = now()").execute(db.pool()).await.unwrap();
}

#[tokio::test]
async fn a_ticket_opens_one_socket_on_any_node_for_whom_it_was_issued() {
    let installation = Installation::fresh().await;
    let (one, two) = (installation.serve().await, installation.serve().await);
    one.emit(&json_with(42, &json!({"title": "Hers"}))).await;
    one.emit(&json_with(43, &json!({"title": "Not hers"}))).await;
    let ticket = ticket(&one, &installation.token(42)).await;
    assert!(ticket.len() >= 4 + 22, "128 bits and more: {ticket}");

    let mut socket = open(&two, &ticket).await.unwrap();

    assert_eq!(socket.frame().await["event"]["title"], "Hers");
    assert_eq!(open(&one, &ticket).await.unwrap_err(), 401);
    assert_eq!(open(&two, &ticket).await.unwrap_err(), 401);
}

#[tokio::test]
async fn two_who_have_the_same_ticket_do_not_both_get_in() {
    let installation = Installation::fresh().await;
    let (one, two) = (installation.serve().await, installation.serve().await);
    for _ in 0..10 {
        let ticket = ticket(&one, &installation.token(42)).await;

        let (first, second) = tokio::join!(open(&one, &ticket), open(&two, &ticket));

        assert_eq!(u8::from(first.is_ok()) + u8::from(second.is_ok()), 1);
    }
}

#[tokio::test]
async fn an_old_ticket_a_forged_one_and_one_by_a_revoked_token_are_refused() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let old = ticket(&server, &installation.token(42)).await;
    let_expire(&installation.db).await;
    let revoked = ticket(&server, &installation.token_issued_ago(42, 60)).await;
    let fresh = ticket(&server, &installation.token(42)).await;
    let not_after = json!({"not_after": crate::support::events::in_seconds(-30)});
    server.revoke(42, &not_after).await;

    for refused in [&old, &revoked, "", "ect_", &format!("{fresh}x"), &"x".repeat(10_000)] {
        assert_eq!(open(&server, refused).await.unwrap_err(), 401, "{refused}");
    }
    assert!(open(&server, &fresh).await.is_ok());
}

#[tokio::test]
async fn a_person_has_at_most_twenty_tickets_and_leaves_others_theirs() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let token = installation.token(42);
    for _ in 0..20 {
        ticket(&server, &token).await;
    }

    let refused = server.ticket(&token).await;

    assert_eq!(refused.faulty_fields(429), [""; 0]);
    assert_eq!((&refused.json()["code"], refused.header("retry-after")), (&json!("too_many_tickets"), "5"));
    ticket(&server, &installation.token(43)).await;
    let_expire(&installation.db).await;
    ticket(&server, &token).await;
    assert_eq!(installation.db.count("select count(*) from eventcenter.tickets where user_id = 42").await, 1);
}

#[tokio::test]
async fn a_ticket_is_neither_stored_nor_logged() {
    let installation = Installation::fresh().await;
    let server = installation.serve_with(&[("EVENTCENTER_LOG", "trace")]).await;
    let ticket = ticket(&server, &installation.token(42)).await;

    let found = "select count(*) from eventcenter.tickets as t where t::text like '%' || $1 || '%'
        or position(convert_to($1, 'UTF8') in t.hash) > 0";
    let found: i64 = sqlx::query_scalar(found).bind(&ticket).fetch_one(installation.db.pool()).await.unwrap();
    assert_eq!(found, 0);
    assert_eq!(installation.db.count("select count(*) from eventcenter.tickets").await, 1);
    drop(open(&server, &ticket).await.unwrap());
    open(&server, &ticket).await.unwrap_err();
    server.is_there(42, 0).await;
    assert!(server.log().contains("/ws"), "it logs requests");
    assert!(!server.log().contains(&ticket[4..]));
}

#[tokio::test]
async fn nobody_gets_a_ticket_without_a_token() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;

    for token in ["", "wrong", &installation.service_key] {
        assert_eq!(server.ticket(token).await.faulty_fields(401), [""; 0]);
    }
    let url = server.socket("?ticket=ect_nothing");
    let by_header = Socket::open(&url, Some(&installation.token(42)), PROTOCOL).await.unwrap();
    assert!(by_header.is_ok(), "a header counts before a ticket");
    let described = server.get("/openapi.json").await.json();
    assert!(described["paths"]["/api/ws-ticket"]["post"]["responses"]["201"] != Value::Null);
}
