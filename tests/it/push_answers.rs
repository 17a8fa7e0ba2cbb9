//! What each answer of a push service means for the browser, the delivery and whoever watches.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::events::json_with;
use crate::support::eventually::{SOON, eventually};
use crate::support::installation::Installation;
use crate::support::push_service::{Browser, plaintext};
use crate::support::server::Server;

/// An event for user 42, by push alone, with much to say.
fn a_push() -> Value {
    json_with(42, &json!({"channels": ["push"], "data": {"photo": 7}}))
}

/// What was tried, as in `1 failed refused 400`, in alphabetical order.
fn tries(delivery: &Value) -> Vec<String> {
    let of = |one: &Value, field: &str| one[field].as_str().unwrap_or("-").to_owned();
    let attempts = delivery["attempts"].as_array().unwrap().iter();
    let mut tries: Vec<String> = attempts
        .map(|one| {
            format!("{} {} {} {}", one["attempt"], of(one, "outcome"), of(one, "reason"), of(one, "provider_code"))
        })
        .collect();
    tries.sort();
    tries
}

/// How often push services of this kind answered so.
async fn answers(server: &Server<'_>, service: &str, result: &str) -> Option<f64> {
    let name = format!(r#"eventcenter_push_answers_total{{service="{service}",result="{result}"}}"#);
    server.metric(&name).await
}

/// The one browser of user 42 as they see it.
async fn the_device(server: &Server<'_>) -> Value {
    let devices = server.devices(42).await;
    assert_eq!(devices.len(), 1, "{devices:?}");
    devices[0].clone()
}

async fn is_marked(server: &Server<'_>) {
    eventually(SOON, || async { (the_device(server).await["needs_resubscribe"] == true).then_some(()) }).await;
}

#[tokio::test]
async fn what_is_taken_is_sent_and_the_browser_is_known_to_work() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    server.browser(42).await;
    assert_eq!(the_device(&server).await["last_success_at"], json!(null));

    let id = server.emit(&a_push()).await;

    let delivery = server.comes_to(&id, "push", "sent").await;
    assert_eq!(tries(&delivery), ["1 sent - 201"]);
    eventually(SOON, || async { the_device(&server).await["last_success_at"].is_string().then_some(()) }).await;
    assert_eq!(the_device(&server).await["needs_resubscribe"], false);
    assert_eq!(answers(&server, "other", "sent").await, Some(1.0));
}

#[tokio::test]
async fn what_is_wrong_with_a_push_is_final_and_loud_and_not_the_browsers_fault() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    for (host, status) in [("web.push.apple.com", 400), ("fcm.googleapis.com", 400), ("web.push.apple.com", 406)] {
        let browser = server.browser_at(host, 42).await;
        browser.will_answer(&json!([{"status": status, "body": {"reason": "BadTtl"}}])).await;

        let id = server.emit(&a_push()).await;

        let delivery = server.comes_to(&id, "push", "failed").await;
        assert_eq!(delivery["reason"], "refused");
        assert_eq!(tries(&delivery), [format!("1 failed refused {status}")]);
        assert_eq!(browser.count().await, 1);
        let device = the_device(&server).await;
        assert_eq!((&device["needs_resubscribe"], &device["last_success_at"]), (&json!(false), &json!(null)));
        server.person_json(42, Method::DELETE, "/api/push/subscribe", &browser.subscription).await.expect(204);
    }
    assert_eq!(answers(&server, "apple", "refused").await, Some(2.0));
    let log = server.log();
    assert!(log.contains("a push service refuses a push") && log.contains("BadTtl"), "{log}");
}

#[tokio::test]
async fn a_redirect_is_never_followed() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let (browser, elsewhere) = (server.browser(42).await, server.browser(43).await);
    browser.will_answer(&json!([{"status": 307, "headers": {"Location": elsewhere.endpoint()}}])).await;

    let id = server.emit(&a_push()).await;

    let delivery = server.comes_to(&id, "push", "failed").await;
    assert_eq!(tries(&delivery), ["1 failed refused 307"]);
    assert_eq!(elsewhere.count().await, 0);
}

#[tokio::test]
async fn a_refused_token_is_replaced_once_and_the_browser_gets_its_push() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    for status in [401, 403] {
        let browser = server.browser_at("fcm.googleapis.com", 42).await;
        browser.will_answer(&json!([{"status": status}])).await;

        let id = server.emit(&a_push()).await;

        let delivery = server.comes_to(&id, "push", "sent").await;
        assert_eq!(tries(&delivery), ["1 sent - 201"]);
        let pushes = browser.pushes(2).await;
        assert_ne!(pushes[0]["headers"]["authorization"], pushes[1]["headers"]["authorization"]);
        assert_eq!(the_device(&server).await["needs_resubscribe"], false);
        server.person_json(42, Method::DELETE, "/api/push/subscribe", &browser.subscription).await.expect(204);
    }
    assert_eq!(answers(&server, "google", "unauthorized").await, Some(2.0));
}

#[tokio::test]
async fn a_browser_that_refuses_our_key_is_kept_and_asked_to_subscribe_anew() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    for (host, answer) in [
        ("updates.push.services.mozilla.com", json!({"status": 401})),
        ("fcm.googleapis.com", json!({"status": 403})),
        ("web.push.apple.com", json!({"status": 400, "body": {"reason": "VapidPkHashMismatch"}})),
    ] {
        let browser = server.browser_at(host, 42).await;
        browser.will_answer(&json!([answer, answer])).await;

        let id = server.emit(&a_push()).await;

        let delivery = server.comes_to(&id, "push", "failed").await;
        assert_eq!(delivery["reason"], "unauthorized");
        assert_eq!(delivery["attempts"].as_array().unwrap().len(), 1);
        is_marked(&server).await;
        assert_eq!(browser.count().await, 2);
        // Nothing is sent there any more, and the page learns it when it shows its subscription again.
        let next = server.emit(&a_push()).await;
        assert_eq!(server.comes_to(&next, "push", "skipped").await["reason"], "no_subscription");
        let again = server.person_json(42, Method::POST, "/api/push/subscribe", &browser.subscription).await;
        assert_eq!(again.expect(201).json()["needs_resubscribe"], true);
        // A new subscription in its place is pushed to at once.
        let anew = Browser::at(host, &installation.vapid_public_key).await;
        let mut body = anew.subscription.clone();
        body["replaces"] = browser.subscription.clone();
        server.person_json(42, Method::POST, "/api/push/subscribe", &body).await.expect(201);
        let id = server.emit(&a_push()).await;
        server.comes_to(&id, "push", "sent").await;
        server.person_json(42, Method::DELETE, "/api/push/subscribe", &anew.subscription).await.expect(204);
    }
    assert_eq!(server.metric("eventcenter_push_subscriptions_refused_total").await, Some(3.0));
    assert_eq!(answers(&server, "apple", "unauthorized").await, Some(2.0));
}

#[tokio::test]
async fn a_browser_that_was_renewed_meanwhile_is_not_forgotten() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    for status in [404, 410] {
        let browser = server.browser(42).await;
        browser.will_answer(&json!([{"status": status, "delay_ms": 2000}])).await;
        let id = server.emit(&a_push()).await;
        browser.pushes(1).await;

        server.subscribe(42, &browser).await;

        let delivery = server.comes_to(&id, "push", "failed").await;
        assert_eq!(tries(&delivery), [format!("1 failed gone {status}")]);
        let id = server.emit(&a_push()).await;
        server.comes_to(&id, "push", "sent").await;
        // Whatever was heard earlier has been written down by the time the success is.
        eventually(SOON, || async { the_device(&server).await["last_success_at"].is_string().then_some(()) }).await;
        server.person_json(42, Method::DELETE, "/api/push/subscribe", &browser.subscription).await.expect(204);
    }
}

#[tokio::test]
async fn a_message_that_is_too_large_is_sent_once_more_as_a_stub() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let browser = server.browser(42).await;
    browser.will_answer(&json!([{"status": 413}, {"status": 201}, {"status": 413}, {"status": 413}])).await;

    let id = server.emit(&a_push()).await;

    assert_eq!(tries(&server.comes_to(&id, "push", "sent").await), ["1 sent - 201"]);
    let pushes = browser.pushes(2).await;
    let (whole, stub) = (plaintext(&pushes[0]), plaintext(&pushes[1]));
    assert_eq!((&whole["event"]["data"], whole["event"].get("trimmed")), (&json!({"photo": 7}), None));
    assert_eq!((stub["event"].get("data"), &stub["event"]["trimmed"]), (None, &json!(true)));
    assert_eq!((&stub["notification"]["title"], &stub["notification"]["body"]), (&json!("Photo ready"), &json!("")));
    assert_eq!(stub["notification"]["tag"], whole["notification"]["tag"]);

    let id = server.emit(&a_push()).await;

    let delivery = server.comes_to(&id, "push", "failed").await;
    assert_eq!(tries(&delivery), ["1 failed too_large 413"]);
    browser.pushes(4).await;
    assert_eq!(answers(&server, "other", "too_large").await, Some(3.0));
    assert_eq!(the_device(&server).await["needs_resubscribe"], false);
}

#[tokio::test]
async fn a_push_service_in_trouble_is_asked_again_later() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let browser = server.browser(42).await;
    browser.will_answer(&json!([{"status": 500}])).await;

    let id = server.emit(&a_push()).await;

    let delivery = eventually(SOON, || async {
        let delivery = server.delivery(&id, "push").await;
        (!delivery["attempts"].as_array().unwrap().is_empty()).then_some(delivery)
    })
    .await;
    assert_eq!(tries(&delivery)[0], "1 retry provider_error 500");
    installation.db.make_all_due().await;
    assert_eq!(tries(&server.comes_to(&id, "push", "sent").await), ["1 retry provider_error 500", "2 sent - 201"]);
    assert_eq!(answers(&server, "other", "provider_error").await, Some(1.0));
    installation.db.assert_books_balance().await;
}
