//! Processes that end, in good order or not: at least once on the wire, the same name each time, and nothing lost.

use serde_json::json;
use sqlx::{Connection, Executor};

use crate::support::events::json_with;
use crate::support::eventually::{SOON, eventually};
use crate::support::installation::Installation;

/// As long as somebody holds the lock.
const NO_RESULT_CAN_BE_WRITTEN: &str = "
    create function public.wait() returns trigger language plpgsql as $$
        begin perform pg_advisory_xact_lock(7); return new; end $$;
    create trigger wait before insert on eventcenter.attempts for each row execute function public.wait()";

#[tokio::test]
async fn a_process_killed_while_it_pushes_is_replaced_and_the_push_keeps_its_name() {
    let installation = Installation::fresh().await;
    let first = installation.serve().await;
    let browser = first.browser(42).await;
    browser.will_answer(&json!([{"hang": true}])).await;
    let id = first.emit(&json_with(42, &json!({}))).await;
    browser.pushes(1).await;
    assert_eq!(first.delivery(&id, "push").await["state"], "sending");

    first.kill9();
    installation.db.expire_leases().await;
    let second = installation.serve().await;

    let delivery = second.comes_to(&id, "push", "sent").await;
    let pushes = browser.pushes(2).await;
    assert_eq!(pushes[0]["headers"]["topic"], pushes[1]["headers"]["topic"]);
    assert_eq!(pushes[0]["plaintext"], pushes[1]["plaintext"]);
    let tries: Vec<(_, _)> =
        delivery["attempts"].as_array().unwrap().iter().map(|one| (&one["attempt"], &one["outcome"])).collect();
    assert_eq!(tries, [(&json!(1), &json!("lost")), (&json!(2), &json!("sent"))]);
    assert_eq!(second.metric(r#"eventcenter_leases_expired_total{channel="push"}"#).await, Some(1.0));
    installation.db.assert_books_balance().await;
}

#[tokio::test]
async fn a_process_killed_between_send_and_settle_sends_the_same_mail_again() {
    let installation = Installation::fresh().await;
    let first = installation.serve().await;
    let mailbox = first.mailbox(42, "ru").await;
    let mut blocker = installation.db.connect_as_emitter().await;
    blocker.execute("select pg_advisory_lock(7)").await.unwrap();
    installation.db.pool().execute(NO_RESULT_CAN_BE_WRITTEN).await.unwrap();
    let id = first.emit(&json_with(42, &json!({"channels": ["email"]}))).await;
    mailbox.mail(1).await;

    first.kill9();
    // Postgres would finish a statement whose client is dead.
    sqlx::query(
        "select pg_terminate_backend(pid, 5000) from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock'",
    )
    .execute(installation.db.pool())
    .await
    .unwrap();
    blocker.close().await.unwrap();
    installation.db.expire_leases().await;
    let second = installation.serve().await;

    second.comes_to(&id, "email", "sent").await;
    let mail = mailbox.mail(2).await;
    assert_eq!(mail[0]["headers"]["message-id"], mail[1]["headers"]["message-id"]);
    assert_eq!(mail[0]["sha256"], mail[1]["sha256"], "a mail program shows one of two equal mails");
    assert_eq!(second.metric(r#"eventcenter_leases_expired_total{channel="email"}"#).await, Some(1.0));
    installation.db.assert_books_balance().await;
}

#[tokio::test]
async fn a_process_that_is_told_to_stop_finishes_what_is_in_flight_and_says_goodbye() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let (browser, mailbox) = (server.browser(42).await, server.mailbox(42, "en").await);
    let session = server.session(42, "").await;
    browser.will_answer(&json!([{"delay_ms": 1500}])).await;
    let id = server.emit(&json_with(42, &json!({"channels": ["ws", "push", "email"]}))).await;
    browser.pushes(1).await;
    assert_eq!(server.delivery(&id, "push").await["state"], "sending");

    server.stop();

    assert_eq!(session.closed().await["close"], 4202);
    assert_eq!(session.frame(0).await["event"]["id"], json!(id));
    assert_eq!(server.ended().await.code(), Some(0), "{}", server.log());
    let db = &installation.db;
    let settled = "select count(*) from eventcenter.delivery_status where state = 'sent'";
    assert_eq!(db.count(settled).await, 3);
    for nowhere in ["select count(*) from eventcenter.leases", "select count(*) from eventcenter.deliveries"] {
        assert_eq!(db.count(nowhere).await, 0, "{nowhere}");
    }
    assert_eq!((browser.count().await, mailbox.count().await), (1, 1));
    db.assert_books_balance().await;
}

#[tokio::test]
async fn two_processes_share_the_work_and_one_goes_on_when_the_other_dies() {
    let installation = Installation::fresh().await;
    let (first, second) = (installation.serve().await, installation.serve().await);
    let browser = first.browser(42).await;
    let (here, there) = (first.session(42, "").await, second.session(42, "").await);

    let id = second.emit(&json_with(42, &json!({}))).await;
    assert_eq!(here.frame(0).await, there.frame(0).await);
    second.comes_to(&id, "push", "sent").await;
    // The first to start keeps house, and it is the one that dies.
    first.kill9();
    let statement = "insert into eventcenter.events (user_id, type, title, body) values (42, 'job.done', 'Next', '')";
    sqlx::query(statement).execute(installation.db.pool()).await.unwrap();

    assert_eq!(there.frame(1).await["seq"], 2);
    browser.pushes(2).await;
    eventually(SOON, || async { (second.metric("eventcenter_keeper").await == Some(1.0)).then_some(()) }).await;
}
