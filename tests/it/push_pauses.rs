//! One push service that throttles, breaks or hangs, and the others that must not notice.

use std::ops::Range;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::events::json_with;
use crate::support::eventually::{SOON, eventually};
use crate::support::installation::Installation;
use crate::support::server::Server;

const GOOGLE: &str = "fcm.googleapis.com";
const MICROSOFT: &str = "wns2.notify.windows.com";
const MOZILLA: &str = "updates.push.services.mozilla.com";

fn a_push(user: i64) -> Value {
    json_with(user, &json!({"channels": ["push"]}))
}

/// Waits until a delivery is to be retried, for this reason.
async fn is_put_off(server: &Server<'_>, id: &str, reason: &str) -> Value {
    eventually(SOON, || async {
        let delivery = server.delivery(id, "push").await;
        (delivery["state"] == "retrying" && delivery["reason"] == reason).then_some(delivery)
    })
    .await
}

/// How many push services are left alone for this cause.
async fn paused(server: &Server<'_>, service: &str, cause: &str) -> Option<f64> {
    let name = format!(r#"eventcenter_push_paused_origins{{service="{service}",cause="{cause}"}}"#);
    server.metric(&name).await
}

fn assert_due_in(delivery: &Value, seconds: Range<i64>) {
    let due_at: Timestamp = delivery["due_at"].as_str().unwrap().parse().unwrap();
    let left = due_at.duration_since(Timestamp::now());
    let (from, to) = (SignedDuration::from_secs(seconds.start), SignedDuration::from_secs(seconds.end));
    assert!(from <= left && left < to, "{left:?}: {delivery:#}");
}

#[tokio::test]
async fn a_service_that_asks_for_patience_is_left_alone_by_all_and_the_others_are_not() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let in_a_minute = Timestamp::now() + SignedDuration::from_secs(60);
    let date = in_a_minute.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    for (user, host, service, answer) in [
        (42, GOOGLE, "google", json!({"status": 429, "headers": {"Retry-After": "60"}})),
        (52, MICROSOFT, "microsoft", json!({"status": 406, "headers": {"Retry-After": date}})),
        (62, MOZILLA, "mozilla", json!({"status": 503, "headers": {"Retry-After": "60"}})),
    ] {
        let throttled = server.browser_at(host, user).await;
        let (neighbour, other) = (server.browser_at(host, user + 1).await, server.browser(user + 1).await);
        throttled.will_answer(&json!([answer])).await;

        let first = server.emit(&a_push(user)).await;
        let reason = if answer["status"] == 503 { "provider_error" } else { "throttled" };
        let first = is_put_off(&server, &first, reason).await;
        let second = server.emit(&a_push(user + 1)).await;

        // The neighbour's push waits in the database, and the same person's other browser has it already.
        let second = eventually(SOON, || async {
            let delivery = server.delivery(&second, "push").await;
            let is_tried = delivery["attempts"].as_array().unwrap().len() == 2;
            (is_tried && delivery["state"] == "sent" && delivery["due_at"].is_string()).then_some(delivery)
        })
        .await;
        let mut reasons: Vec<&Value> =
            second["attempts"].as_array().unwrap().iter().map(|one| &one["reason"]).collect();
        reasons.sort_by_key(|reason| reason.is_null());
        assert_eq!(reasons, [&json!("paused"), &json!(null)]);
        other.pushes(1).await;
        assert_eq!(neighbour.count().await, 0);
        assert_due_in(&first, 45..80);
        assert_due_in(&second, 45..80);
        assert_eq!(paused(&server, service, "throttled").await, Some(1.0));
    }
    installation.db.assert_books_balance().await;
}

#[tokio::test]
async fn what_was_put_off_is_sent_once_the_pause_is_over() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let (throttled, neighbour) = (server.browser_at(GOOGLE, 42).await, server.browser_at(GOOGLE, 43).await);
    throttled.will_answer(&json!([{"status": 429, "headers": {"Retry-After": "1"}}])).await;
    let first = server.emit(&a_push(42)).await;
    eventually(SOON, || async { (throttled.count().await == 1).then_some(()) }).await;

    let second = server.emit(&a_push(43)).await;

    server.comes_to(&first, "push", "sent").await;
    server.comes_to(&second, "push", "sent").await;
    throttled.pushes(2).await;
    neighbour.pushes(1).await;
    assert_eq!(paused(&server, "google", "throttled").await, Some(0.0));
    installation.db.assert_books_balance().await;
}

#[tokio::test]
async fn a_service_that_keeps_failing_is_asked_now_and_then_until_it_is_well() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let browser = server.browser_at(MOZILLA, 42).await;
    browser.will_answer(&Value::Array(vec![json!({"status": 500}); 11])).await;

    let id = server.emit(&a_push(42)).await;

    let is_open = || async { (paused(&server, "mozilla", "broken").await == Some(1.0)).then_some(()) };
    eventually(SOON, || async {
        installation.db.make_all_due().await;
        is_open().await
    })
    .await;
    let other = server.browser_at(GOOGLE, 43).await;
    let elsewhere = server.emit(&a_push(43)).await;
    server.comes_to(&elsewhere, "push", "sent").await;
    other.pushes(1).await;
    // The eleventh failure is the first probe's.
    eventually(SOON, || async {
        installation.db.make_all_due().await;
        (server.delivery(&id, "push").await["state"] == "sent").then_some(())
    })
    .await;
    browser.pushes(12).await;
    assert_eq!(paused(&server, "mozilla", "broken").await, Some(0.0));
    installation.db.assert_books_balance().await;
}

#[tokio::test]
async fn a_service_that_hangs_does_not_slow_the_others() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let hanging = server.browser_at(GOOGLE, 42).await;
    hanging.will_answer(&Value::Array(vec![json!({"hang": true}); 300])).await;
    let well = server.browser_at(MOZILLA, 43).await;
    // More than a worker sends at once, so that they would take every place.
    let to_hanging: Vec<Value> = (0..300).map(|_| a_push(42)).collect();
    server.service_json(Method::POST, "/events", &json!(to_hanging)).await.expect(202);
    eventually(SOON, || async { (hanging.count().await >= 100).then_some(()) }).await;

    let began = Instant::now();
    for _ in 0..20 {
        let id = server.emit(&a_push(43)).await;
        server.comes_to(&id, "push", "sent").await;
    }

    // Far less than the 15 seconds after which a hanging push is given up.
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    well.pushes(20).await;
    assert_eq!(hanging.count().await, 100);
}
