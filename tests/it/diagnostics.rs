//! A person tests their own channels with a real event.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::events::json_with;
use crate::support::eventually::{SOON, eventually};
use crate::support::http::Answer;
use crate::support::installation::Installation;
use crate::support::push_service::plaintext;
use crate::support::server::Server;

const LOOPBACK: &str = "/api/diagnostics/loopback";

async fn test(server: &Server<'_>, user: i64, channels: &Value) -> Answer {
    server.person_json(user, Method::POST, LOOPBACK, &json!({"channels": channels})).await
}

/// How each channel of a test came out, once all of them have.
async fn outcome(server: &Server<'_>, user: i64, id: &str) -> Vec<(String, String)> {
    eventually(SOON, || async {
        let answer = server.person(user, Method::GET, &format!("{LOOPBACK}/{id}")).await.expect(200).json();
        assert!(answer["now"].is_string() && answer["id"] == id, "{answer}");
        let deliveries = answer["deliveries"].as_array().unwrap();
        let is_open = |one: &Value| ["queued", "sending", "retrying"].contains(&one["state"].as_str().unwrap());
        let word = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
        let said = |one: &Value| (word(one, "channel"), format!("{} {}", word(one, "state"), word(one, "reason")));
        (!deliveries.iter().any(is_open)).then(|| deliveries.iter().map(said).collect())
    })
    .await
}

#[tokio::test]
async fn a_test_goes_all_the_way_on_every_channel_and_says_how_far_it_came() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let (browser, mailbox) = (server.browser(42).await, server.mailbox(42, "ru").await);
    let session = server.session(42, "").await;

    let sent = test(&server, 42, &json!(["ws", "push", "email"])).await.expect(202).json();

    let id = sent["id"].as_str().unwrap();
    assert!(sent["now"].is_string());
    let frame = session.frame(0).await;
    assert_eq!((&frame["event"]["id"], &frame["event"]["type"]), (&json!(id), &json!("diagnostics.loopback")));
    assert_eq!(frame["event"]["title"], "Проверка уведомлений");
    assert!(plaintext(&browser.pushes(1).await[0]).to_string().contains("Проверка"));
    mailbox.mail(1).await;
    let all = ["ws", "push", "email"].map(|channel| (channel.to_owned(), "sent ".to_owned()));
    assert_eq!(outcome(&server, 42, id).await, all);
}

#[tokio::test]
async fn a_channel_that_leads_nowhere_says_why() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;

    let sent = test(&server, 42, &json!(["push", "email"])).await.expect(202).json();

    let nowhere = [("push", "skipped no_subscription"), ("email", "skipped no_address")];
    let nowhere = nowhere.map(|(channel, state)| (channel.to_owned(), state.to_owned()));
    assert_eq!(outcome(&server, 42, sent["id"].as_str().unwrap()).await, nowhere);
}

#[tokio::test]
async fn six_tests_a_minute_are_enough_whichever_process_is_asked() {
    let installation = Installation::fresh().await;
    let (server, elsewhere) = (installation.serve().await, installation.serve().await);
    for n in 0..6 {
        let server = if n % 2 == 0 { &server } else { &elsewhere };
        test(server, 42, &json!(["ws"])).await.expect(202);
    }

    for server in [&server, &elsewhere] {
        let refused = test(server, 42, &json!(["ws"])).await;
        refused.faulty_fields(429);
        assert_eq!((&refused.json()["code"], refused.header("retry-after")), (&json!("too_many_tests"), "10"));
    }
    test(&server, 43, &json!(["ws"])).await.expect(202);
    assert_eq!(installation.db.count("select count(*) from eventcenter.events").await, 7);
    // Ten seconds later there is room for one.
    let pass = "update eventcenter.loopback_rates set empty_at = empty_at - interval '10 s'";
    sqlx::query(pass).execute(installation.db.pool()).await.unwrap();
    test(&server, 42, &json!(["ws"])).await.expect(202);
    test(&server, 42, &json!(["ws"])).await.faulty_fields(429);
}

#[tokio::test]
async fn a_test_is_seen_by_nobody_else_and_nothing_else_is_a_test() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let sent = test(&server, 42, &json!(["ws"])).await.expect(202).json();
    let other = server.emit(&json_with(42, &json!({}))).await;

    let id = sent["id"].as_str().unwrap();
    for (user, id) in [(43, id), (42, &*other), (42, "unknown"), (42, "evt_01a20692a88e72f1824ea4cc05cff2e1")] {
        server.person(user, Method::GET, &format!("{LOOPBACK}/{id}")).await.faulty_fields(404);
    }
    server.service(Method::GET, &format!("{LOOPBACK}/{id}")).await.faulty_fields(401);
}

#[tokio::test]
async fn a_test_of_no_channel_or_an_unknown_one_is_refused() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    for channels in [json!([]), json!(["sms"]), json!(["ws", "ws"]), json!("ws"), json!([["ws"]]), json!(null)] {
        assert_eq!(test(&server, 42, &channels).await.faulty_fields(400), ["channels"], "{channels}");
    }
    let body = json!({"channels": ["ws"], "user_id": 43});
    assert_eq!(server.person_json(42, Method::POST, LOOPBACK, &body).await.faulty_fields(400), ["user_id"]);
    assert_eq!(installation.db.count("select count(*) from eventcenter.events").await, 0);
}
