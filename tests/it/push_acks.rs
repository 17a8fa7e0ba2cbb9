//! What browsers tell of the pushes that reached them, and what the status says then.

use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::events::json_with;
use crate::support::http::Answer;
use crate::support::installation::Installation;
use crate::support::push_service::plaintext;
use crate::support::server::Server;

async fn acknowledge(server: &Server<'_>, token: &Value, engagement: &str) -> Answer {
    let body = json!({"token": token, "engagement": engagement});
    server.stranger_json(Method::POST, "/api/push/ack", &body).await
}

async fn acks(server: &Server<'_>, result: &str) -> Option<f64> {
    let name = format!(r#"eventcenter_push_acks_total{{result="{result}"}}"#);
    server.metric(&name).await
}

fn moment(delivery: &Value, field: &str) -> Timestamp {
    delivery[field].as_str().unwrap_or_else(|| panic!("no {field}: {delivery:#}")).parse().unwrap()
}

#[tokio::test]
async fn a_push_is_delivered_once_a_browser_shows_it_and_clicked_once_the_person_does() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let (first, second) = (server.browser(42).await, server.browser(42).await);
    let id = server.emit(&json_with(42, &json!({"channels": ["push"]}))).await;
    let sent = server.comes_to(&id, "push", "sent").await;
    assert_eq!((sent.get("displayed_at"), sent.get("clicked_at")), (None, None));
    let ack = plaintext(&first.pushes(1).await[0])["ack"].clone();
    assert_eq!(ack["url"], "/api/push/ack");

    acknowledge(&server, &ack["token"], "displayed").await.expect(204);

    let delivered = server.delivery(&id, "push").await;
    assert_eq!((&delivered["state"], delivered.get("clicked_at")), (&json!("delivered"), None));
    let displayed_at = moment(&delivered, "displayed_at");
    acknowledge(&server, &ack["token"], "clicked").await.expect(204);
    let clicked = server.delivery(&id, "push").await;
    assert_eq!((&clicked["state"], moment(&clicked, "displayed_at")), (&json!("delivered"), displayed_at));
    let clicked_at = moment(&clicked, "clicked_at");
    assert!(displayed_at < clicked_at);

    // Again, late, and by another browser: what came first stands.
    let other = plaintext(&second.pushes(1).await[0])["ack"]["token"].clone();
    for (token, engagement) in [(&ack["token"], "clicked"), (&ack["token"], "displayed"), (&other, "clicked")] {
        acknowledge(&server, token, engagement).await.expect(204);
    }
    let after = server.delivery(&id, "push").await;
    assert_eq!((moment(&after, "displayed_at"), moment(&after, "clicked_at")), (displayed_at, clicked_at));
    let counted = [acks(&server, "displayed").await, acks(&server, "clicked").await, acks(&server, "repeated").await];
    assert_eq!(counted, [Some(1.0), Some(2.0), Some(2.0)]);
    installation.db.assert_books_balance().await;
}

#[tokio::test]
async fn a_token_that_no_push_carried_says_nothing() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let browser = server.browser(42).await;
    let id = server.emit(&json_with(42, &json!({"channels": ["push"]}))).await;
    server.comes_to(&id, "push", "sent").await;
    let token = plaintext(&browser.pushes(1).await[0])["ack"]["token"].as_str().unwrap().to_owned();
    let forged = format!("{}{}", if token.starts_with('A') { 'B' } else { 'A' }, &token[1..]);

    for (body, field) in [
        (json!({"token": forged, "engagement": "displayed"}), "token"),
        (json!({"token": "", "engagement": "displayed"}), "token"),
        (json!({"token": 7, "engagement": "displayed"}), "token"),
        (json!({"engagement": "displayed"}), "token"),
        (json!({"token": token}), "engagement"),
        (json!({"token": token, "engagement": "eaten"}), "engagement"),
        (json!({"token": token, "engagement": "displayed", "at": "1970-01-01T00:00:00Z"}), "at"),
        (json!([]), "body"),
    ] {
        let answer = server.stranger_json(Method::POST, "/api/push/ack", &body).await;
        assert_eq!(answer.faulty_fields(400), [field], "{body}");
    }
    let long = json!({"token": "x".repeat(2000), "engagement": "displayed"});
    server.stranger_json(Method::POST, "/api/push/ack", &long).await.faulty_fields(413);
    assert_eq!(server.delivery(&id, "push").await["state"], "sent");
    assert_eq!(installation.db.count("select count(*) from eventcenter.engagements").await, 0);
    assert_eq!(acks(&server, "invalid").await, Some(7.0));
}

#[tokio::test]
async fn one_browser_cannot_say_it_a_thousand_times_a_minute() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let browser = server.browser(42).await;
    let id = server.emit(&json_with(42, &json!({"channels": ["push"]}))).await;
    server.comes_to(&id, "push", "sent").await;
    let token = plaintext(&browser.pushes(1).await[0])["ack"]["token"].clone();

    for _ in 0..240 {
        acknowledge(&server, &token, "displayed").await.expect(204);
    }

    let refused = acknowledge(&server, &token, "clicked").await;
    assert!(!refused.header("retry-after").is_empty());
    assert_eq!((refused.faulty_fields(429), &refused.json()["code"]), (vec![], &json!("rate_limited")));
    assert_eq!(acks(&server, "limited").await, Some(1.0));
}

#[tokio::test]
async fn an_acknowledgement_goes_with_its_events_day() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let browser = server.browser(42).await;
    let id = server.emit(&json_with(42, &json!({"channels": ["push"]}))).await;
    server.comes_to(&id, "push", "sent").await;
    let token = plaintext(&browser.pushes(1).await[0])["ack"]["token"].clone();
    sqlx::query("delete from eventcenter.events").execute(installation.db.pool()).await.unwrap();

    acknowledge(&server, &token, "displayed").await.expect(204);

    assert_eq!(installation.db.count("select count(*) from eventcenter.engagements").await, 0);
}
