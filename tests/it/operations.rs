//! What operators ask a running process: its probes, its metrics and its log.

use eventcenter_core::metrics;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Executor;

use crate::support::events::json_with;
use crate::support::eventually::{SOON, eventually};
use crate::support::installation::Installation;
use crate::support::server::Server;
use crate::support::ws_client::WsClient;

/// The checks of `/readyz`, those that do not hold marked by an exclamation mark.
async fn checks(server: &Server<'_>) -> Vec<String> {
    let answer = server.get("/readyz").await;
    let report = answer.json();
    let checks: Vec<String> = report["checks"].as_array().unwrap().iter().map(check).collect();
    let is_ready = !checks.iter().any(|check| check.ends_with('!'));
    assert_eq!((&report["ready"], answer.status.as_u16()), (&json!(is_ready), if is_ready { 200 } else { 503 }));
    checks
}

fn check(check: &Value) -> String {
    let mark = if check["ok"] == true { "" } else { "!" };
    // What to do is said where there is something to do.
    assert_eq!(check["ok"] == true, check.get("detail").is_none(), "{check}");
    format!("{}{mark}", check["name"].as_str().unwrap())
}

#[tokio::test]
async fn a_process_is_ready_when_all_that_it_needs_is_there_and_says_what_is_not() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let comes_to = async |wanted: &[&str]| {
        eventually(SOON, || async { (checks(&server).await == wanted).then_some(()) }).await;
    };
    assert_eq!(server.get("/healthz").await.expect(200).text, "ok\n");
    comes_to(&["serving", "listening", "database", "migrations", "partitions"]).await;

    let pool = installation.db.pool();
    pool.execute("update public._sqlx_migrations set version = version + 1000").await.unwrap();
    comes_to(&["serving", "listening", "database", "migrations!"]).await;
    pool.execute("update public._sqlx_migrations set version = version - 1000").await.unwrap();
    comes_to(&["serving", "listening", "database", "migrations", "partitions"]).await;

    server.get("/healthz").await.expect(200);
}

#[tokio::test]
async fn metrics_show_what_was_done_under_their_declared_names_and_no_ids() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let (browser, mailbox) = (server.browser(4_242_424_242).await, server.mailbox(4_242_424_242, "en").await);
    let gone = server.browser(4_242_424_242).await;
    gone.unsubscribe().await;
    let session = server.session(4_242_424_242, "").await;
    let client = server.greet(4_242_424_242, &json!({})).await;
    WsClient::try_open(&server.socket(""), "wrong").closed().await;
    let event = json_with(4_242_424_242, &json!({"channels": ["ws", "push", "email"]}));

    let id = server.emit(&event).await;
    session.frame(0).await;
    client.first("event").await;
    client.send(&json!({"t": "ack", "seq": 1, "ids": [{"id": id, "s": "displayed"}]}));
    client.send(&json!({"t": "what"}));
    server.comes_to(&id, "push", "sent").await;
    server.comes_to(&id, "email", "sent").await;
    assert_eq!(server.metric("eventcenter_ws_sessions").await, Some(2.0));
    drop((session, client));

    server.stranger_json(Method::POST, "/api/push/ack", &json!({})).await.faulty_fields(400);

    // What only happens when a worker dies or hangs, when people sleep, when mail comes back, when a push service or a
    // mail server is in trouble, with templates of one's own, and with tickets.
    let rare = [
        metrics::STALE,
        metrics::LEASES_EXPIRED,
        metrics::HELD,
        metrics::BOUNCES,
        metrics::PUSH_PAUSED,
        metrics::EMAIL_FAILED_OVER,
        metrics::EMAIL_AMBIGUOUS,
        metrics::EMAIL_TEMPLATE_FAILURES,
        metrics::EMAIL_TEMPLATES_BROKEN,
        metrics::TICKETS,
    ];
    let text = eventually(SOON, || async {
        let text = server.get("/metrics").await.expect(200).text;
        let is_shown = |name: &str| text.lines().any(|line| line.starts_with(name));
        let wanted = metrics::ALL.iter().map(|metric| metric.name).filter(|name| !rare.contains(name));
        let mut missing = wanted.filter(|name| !is_shown(name));
        missing.next().is_none().then_some(text)
    })
    .await;
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        let is_declared = metrics::ALL.iter().any(|metric| name.starts_with(metric.name));
        assert!(is_declared || name.starts_with("process_"), "{name} is not declared");
        for secret in ["4242424242", &id, &mailbox.address, browser.endpoint(), &installation.service_key] {
            assert!(!line.contains(secret), "{line}");
        }
    }
    for channel in ["push", "email"] {
        let sent = format!(r#"eventcenter_deliveries_settled_total{{channel="{channel}",state="sent",reason="none"}}"#);
        assert_eq!(server.metric(&sent).await, Some(1.0), "{text}");
    }
}

#[tokio::test]
async fn nothing_secret_is_logged_even_by_the_talkative() {
    let installation = Installation::fresh().await;
    let server = installation.serve_with(&[("EVENTCENTER_LOG", "debug")]).await;
    let (browser, mailbox) = (server.browser(42).await, server.mailbox(42, "en").await);
    let session = server.session(42, "").await;
    let event = json_with(42, &json!({"title": "Between us", "channels": ["ws", "push", "email"]}));

    let id = server.emit(&event).await;
    session.frame(0).await;
    server.comes_to(&id, "push", "sent").await;
    server.comes_to(&id, "email", "sent").await;

    let log = server.log();
    assert!(log.contains("answered"), "{log}");
    let Installation { service_key, jwt_secret, vapid_secret, .. } = &installation;
    let auth = browser.subscription["keys"]["auth"].as_str().unwrap();
    let path = browser.endpoint().rsplit('/').next().unwrap();
    for secret in [service_key, jwt_secret, vapid_secret, auth, path, &mailbox.address, "Between us"] {
        assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
    }
}
