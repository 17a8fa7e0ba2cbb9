//! Where no mail may go: checked before every mail, kept by API and command line.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::command::run;
use crate::support::events::{in_seconds, json_with};
use crate::support::installation::Installation;
use crate::support::server::Server;

const PATH: &str = "/api/suppressions";

async fn suppress(server: &Server<'_>, suppression: &Value) -> Value {
    server.service_json(Method::POST, PATH, suppression).await.expect(201).json()
}

#[tokio::test]
async fn a_suppressed_address_gets_no_mail_until_it_is_lifted() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let mailbox = server.mailbox(42, "en").await;
    // Checked when it is sent, and not when it was planned.
    let scheduled = json_with(42, &json!({"channels": ["email"], "deliver_at": in_seconds(3600)}));
    let scheduled = server.emit(&scheduled).await;

    let added =
        suppress(&server, &json!({"address": mailbox.address.to_uppercase(), "detail": "asked us\nby phone"})).await;
    assert_eq!(suppress(&server, &json!({"address": mailbox.address})).await, added);

    assert_eq!((&added["address"], &added["reason"]), (&json!(mailbox.address), &json!("manual")));
    assert_eq!((&added["scope"], &added["detail"]), (&json!("*"), &json!("asked usby phone")));
    assert_eq!(server.sees(42, &json!({}), "email", "skipped").await["reason"], "suppressed");
    assert_eq!(
        server.sees(42, &json!({"type": "system.alert", "level": "critical"}), "email", "skipped").await["reason"],
        "suppressed"
    );
    installation.db.make_all_due().await;
    assert_eq!(server.comes_to(&scheduled, "email", "skipped").await["reason"], "suppressed");
    server.sees(42, &json!({}), "ws", "sent").await;

    let path = format!("{PATH}/{}", added["id"]);
    server.service(Method::DELETE, &path).await.expect(204);
    server.service(Method::DELETE, &path).await.faulty_fields(404);
    server.sees(42, &json!({}), "email", "sent").await;
    mailbox.mail(1).await;
    installation.db.assert_books_balance().await;
}

#[tokio::test]
async fn a_suppression_is_for_an_address_or_a_person_and_for_all_or_one_type() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    server.mailbox(42, "en").await;
    let old = server.mailbox(43, "en").await;

    suppress(&server, &json!({"user_id": 42, "scope": "job.done", "reason": "unsubscribe"})).await;
    suppress(&server, &json!({"address": old.address, "reason": "bounce"})).await;

    assert_eq!(server.sees(42, &json!({}), "email", "skipped").await["reason"], "unsubscribed");
    server.sees(42, &json!({"type": "task.created"}), "email", "sent").await;
    assert_eq!(server.sees(43, &json!({}), "email", "skipped").await["reason"], "suppressed");
    // Who gives another address can be reached there.
    server.mailbox(43, "en").await;
    server.sees(43, &json!({}), "email", "sent").await;
}

#[tokio::test]
async fn suppressions_are_listed_in_parts_and_by_what_they_are() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    for n in 1..=3 {
        suppress(&server, &json!({"address": format!("a{n}@example.org"), "reason": "bounce"})).await;
    }
    suppress(&server, &json!({"user_id": 42, "scope": "job.done", "reason": "unsubscribe"})).await;
    let list = async |query: &str| {
        let page = server.service(Method::GET, &format!("{PATH}?{query}")).await.expect(200).json();
        let who = page["suppressions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["address"].as_str().map_or_else(|| one["user_id"].to_string(), str::to_owned));
        (who.collect::<Vec<_>>(), page["next"].clone())
    };

    let (first, next) = list("limit=2").await;
    let (rest, end) = list(&format!("limit=2&after={}", next.as_str().unwrap())).await;

    assert_eq!([first, rest].concat(), ["a1@example.org", "a2@example.org", "a3@example.org", "42"]);
    assert_eq!(end, json!(null));
    assert_eq!(list("address=A2@example.org").await.0, ["a2@example.org"]);
    assert_eq!(list("reason=unsubscribe").await.0, ["42"]);
    assert_eq!(list("user_id=42").await.0, ["42"]);
    assert!(list("reason=manual").await.0.is_empty());
    let known = "/api/users/42";
    server.service_json(Method::PUT, known, &json!({})).await.expect(200);
    assert_eq!(server.service(Method::GET, known).await.expect(200).json()["suppressions"][0]["scope"], "job.done");
}

#[tokio::test]
async fn an_operator_suppresses_from_the_command_line() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let mailbox = server.mailbox(42, "en").await;
    let db = &installation.db;

    let added = run(db, &["suppression", "add", "--address", &mailbox.address, "--detail", "left us", "--json"]).json();

    assert_eq!(server.sees(42, &json!({}), "email", "skipped").await["reason"], "suppressed");
    let list = run(db, &["suppression", "list"]).ok();
    assert!(list.contains(&mailbox.address) && list.contains("manual") && list.contains("left us"), "{list}");
    assert_eq!(run(db, &["suppression", "list", "--user", "42", "--json"]).json(), json!([]));
    let id = added["id"].to_string();
    run(db, &["suppression", "remove", &id]).ok();
    assert_eq!(run(db, &["suppression", "remove", &id]).status, 1);
    server.sees(42, &json!({}), "email", "sent").await;
    for wrong in [&["--address", "anna"][..], &["--user", "42", "--scope", "Job Done"]] {
        let said = run(db, &[&["suppression", "add"], wrong].concat());
        assert_eq!(said.status, 1, "{said:?}");
    }
    assert_eq!(run(db, &["suppression", "add"]).status, 2, "it must say whom");
}

#[tokio::test]
async fn a_bad_suppression_is_named_field_by_field() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;

    for (suppression, fields) in [
        (json!({}), vec!["address"]),
        (json!({"address": "anna"}), vec!["address"]),
        (json!({"address": "a@b.c\r\nBcc: x@y.z"}), vec!["address"]),
        (json!({"address": "a@b.c", "user_id": 42}), vec!["user_id"]),
        (json!({"user_id": 42, "scope": "Job Done", "reason": "spite"}), vec!["scope", "reason"]),
        (json!({"user_id": 42, "detail": 7, "colour": "red"}), vec!["detail", "colour"]),
    ] {
        let answer = server.service_json(Method::POST, PATH, &suppression).await;
        assert_eq!(answer.faulty_fields(400), fields, "{suppression}");
    }
    for (query, field) in
        [("reason=spite", "reason"), ("after=x", "after"), ("limit=0", "limit"), ("colour=red", "colour")]
    {
        assert_eq!(server.service(Method::GET, &format!("{PATH}?{query}")).await.faulty_fields(400), [field]);
    }
    server.service(Method::DELETE, &format!("{PATH}/x")).await.faulty_fields(404);
    server.person_json(42, Method::POST, PATH, &json!({"user_id": 43})).await.faulty_fields(401);
    assert_eq!(installation.db.count("select count(*) from eventcenter.suppressions").await, 0);
}
