//! The database goes away and comes back: whoever asks is told to come again, and everything heals by itself.

use reqwest::Method;
use serde_json::json;

use crate::support::events::json_with;
use crate::support::eventually::{SOON, eventually};
use crate::support::installation::Installation;
use crate::support::server::Server;
use crate::support::severable::Severable;

/// Every check of `/readyz` that does not hold.
async fn out_of_order(server: &Server<'_>) -> (u16, Vec<String>) {
    let answer = server.get("/readyz").await;
    let report = answer.json();
    let checks = report["checks"].as_array().unwrap().iter();
    let failed = checks.filter(|check| check["ok"] == false).map(|check| check["name"].as_str().unwrap().to_owned());
    (answer.status.as_u16(), failed.collect())
}

#[tokio::test]
async fn an_outage_of_the_database_loses_nothing_and_heals_by_itself() {
    let installation = Installation::fresh().await;
    let way = Severable::to(&installation.db).await;
    let server = installation.serve_with(&[("DATABASE_URL", way.url())]).await;
    let (browser, mailbox) = (server.browser(42).await, server.mailbox(42, "en").await);
    let session = server.session(42, "").await;
    // In flight when the database goes: its settle has to wait.
    browser.will_answer(&json!([{"delay_ms": 500}])).await;
    let before = server.emit(&json_with(42, &json!({"title": "Before"}))).await;
    browser.pushes(1).await;
    eventually(SOON, || async { out_of_order(&server).await.1.is_empty().then_some(()) }).await;

    way.sever();

    let during = json_with(42, &json!({"title": "During", "id": "during-1"}));
    for _ in 0..3 {
        let answer = server.service_json(Method::POST, "/events", &during).await;
        assert_eq!(answer.faulty_fields(503), [""; 0]);
        assert_eq!((answer.header("retry-after"), &answer.json()["code"]), ("5", &json!("database_unavailable")));
    }
    let many = server.service_json(Method::POST, "/events", &json!([during, during])).await;
    assert_eq!((many.status.as_u16(), many.header("retry-after")), (503, "5"));
    server.service(Method::GET, &format!("/api/events/{before}")).await.expect(503);
    server.get("/healthz").await.expect(200);
    eventually(SOON, || async {
        let (status, checks) = out_of_order(&server).await;
        assert!(status == 503 || checks.is_empty(), "{status} {checks:?}");
        (checks == ["listening", "database"]).then_some(())
    })
    .await;

    way.heal();

    let emitted = eventually(SOON, || async {
        let answer = server.service_json(Method::POST, "/events", &during).await;
        (answer.status.as_u16() == 202).then(|| answer.json())
    })
    .await;
    assert_eq!(emitted["id"], "during-1");
    // By SQL, so that the keeper, LISTEN and the workers have to be back, and not only the pool.
    let after = "insert into eventcenter.events (user_id, type, title, body, channels)
        values (42, 'job.done', 'After', '', '{ws,push,email}')";
    sqlx::query(after).execute(installation.db.pool()).await.unwrap();
    eventually(SOON, || async { (out_of_order(&server).await == (200, vec![])).then_some(()) }).await;
    for (index, title) in ["Before", "During", "After"].into_iter().enumerate() {
        let frame = session.frame(index).await;
        assert_eq!((&frame["seq"], &frame["event"]["title"]), (&json!(index + 1), &json!(title)));
    }
    mailbox.mail(1).await;
    server.comes_to(&before, "push", "sent").await;
    server.comes_to("during-1", "push", "sent").await;
    browser.pushes(3).await;
    installation.db.assert_books_balance().await;
}

#[tokio::test]
async fn a_process_that_is_told_to_stop_during_an_outage_still_stops() {
    let installation = Installation::fresh().await;
    let way = Severable::to(&installation.db).await;
    let settings = [("DATABASE_URL", way.url()), ("EVENTCENTER_DRAIN_TIME", "2s")];
    let server = installation.serve_with(&settings).await;
    let session = server.session(42, "").await;
    way.sever();

    server.stop();

    assert_eq!(session.closed().await["close"], 4202);
    assert_eq!(server.ended().await.code(), Some(0), "{}", server.log());
}
