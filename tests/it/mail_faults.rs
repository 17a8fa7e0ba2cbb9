//! Mail through servers on their bad days: none is lost, and none comes twice but where nobody could know.

use serde_json::json;
use sqlx::Executor;

use crate::support::events::json_with;
use crate::support::eventually::{SOON, eventually};
use crate::support::faulty_smtp::{FaultySmtp, Misdeed};
use crate::support::installation::Installation;

const AMBIGUOUS: &str = r#"eventcenter_email_ambiguous_total{then="retry"}"#;

#[tokio::test]
async fn bad_days_lose_no_mail_and_repeat_one_only_where_the_last_reply_was_lost() {
    const PLAN: [Misdeed; 12] = [
        ("RCPT", "451 4.3.0 try again"),
        (".", ""),
        ("DATA", "451 4.3.0 try again"),
        ("..", ""),
        (".", "451 4.3.0 try again"),
        ("greeting", "421 4.3.2 busy"),
        ("RCPT", "450 4.2.1 busy"),
        (".", ""),
        ("MAIL", ""),
        ("DATA", ""),
        (".", "452 4.3.1 disk full"),
        (".", ""),
    ];
    let mails = 30;
    let smtp = FaultySmtp::start(&PLAN).await;
    let installation = Installation::fresh().await;
    let server = installation.serve_with(&[("EVENTCENTER_SMTP_URL", &smtp.url())]).await;
    server.mailbox(42, "en").await;
    for _ in 0..mails {
        server.emit(&json_with(42, &json!({"channels": ["email"]}))).await;
    }

    let sent = "select count(*) from eventcenter.attempts where outcome = 'sent' and balance = 1";
    eventually(SOON * 2, || async {
        // Each next try waits for up to a minute; the test does not.
        installation.db.make_all_due().await;
        (installation.db.count(sent).await == mails).then_some(())
    })
    .await;

    let taken = smtp.mails();
    assert_eq!((taken.len(), smtp.planned()), (usize::try_from(mails).unwrap(), 0), "{taken:?}");
    let repeated: u32 = taken.values().map(|times| times - 1).sum();
    // Three replies were lost after the dot, and one mail was cut before it, which the sender cannot tell.
    assert_eq!(repeated, 3, "{taken:?}");
    assert_eq!(server.metric(AMBIGUOUS).await, Some(4.0));
    let ambiguous = "select count(*) from eventcenter.attempts where outcome = 'retry' and reason = 'ambiguous'";
    assert_eq!(installation.db.count(ambiguous).await, 4);
    installation.db.assert_books_balance().await;
}

#[tokio::test]
async fn a_type_that_would_rather_lose_a_mail_than_repeat_it_says_so() {
    let smtp = FaultySmtp::start(&[(".", "")]).await;
    let installation = Installation::fresh().await;
    let settle = "update eventcenter.event_types set email_ambiguous = 'settle' where type = 'job.done'";
    installation.db.pool().execute(settle).await.unwrap();
    let server = installation.serve_with(&[("EVENTCENTER_SMTP_URL", &smtp.url())]).await;
    server.mailbox(42, "en").await;

    let id = server.emit(&json_with(42, &json!({"channels": ["email"]}))).await;

    let delivery = server.comes_to(&id, "email", "failed").await;
    assert_eq!((&delivery["reason"], delivery["attempts"].as_array().unwrap().len()), (&json!("ambiguous"), 1));
    assert_eq!(smtp.mails().len(), 1);
    assert_eq!(server.metric(r#"eventcenter_email_ambiguous_total{then="settle"}"#).await, Some(1.0));
}

#[tokio::test]
async fn a_server_that_does_not_let_us_in_pauses_the_channel_and_fails_nobody() {
    // On every connection that is made before the pause.
    let smtp = FaultySmtp::start(&[("MAIL", "530 5.7.0 authenticate first"); 8]).await;
    let installation = Installation::fresh().await;
    let server = installation.serve_with(&[("EVENTCENTER_SMTP_URL", &smtp.url())]).await;
    server.mailbox(42, "en").await;

    let mut ids = Vec::new();
    for _ in 0..10 {
        ids.push(server.emit(&json_with(42, &json!({"channels": ["email"]}))).await);
    }

    eventually(SOON, || async { (server.metric("eventcenter_email_paused").await == Some(1.0)).then_some(()) }).await;
    let delivery = server.comes_to(&ids[0], "email", "retrying").await;
    assert_eq!(delivery["reason"], "misconfigured", "{delivery:#}");
    assert_eq!(delivery["attempts"][0]["provider_code"], "530 5.7.0 authenticate first");
    let ended = "select count(*) from eventcenter.attempts where balance = 1";
    assert_eq!(installation.db.count(ended).await, 0, "somebody has failed");
    assert_eq!(smtp.mails().len(), 0, "the channel was not paused");
}

#[tokio::test]
async fn the_fall_back_server_takes_the_mail_while_the_first_is_away() {
    let smtp = FaultySmtp::start(&[]).await;
    let installation = Installation::fresh().await;
    let away =
        [("EVENTCENTER_SMTP_URL", "smtp://127.0.0.1:1?tls=none"), ("EVENTCENTER_SMTP_FALLBACK_URL", &smtp.url())];
    let server = installation.serve_with(&away).await;
    server.mailbox(42, "en").await;

    let id = server.emit(&json_with(42, &json!({"channels": ["email"]}))).await;

    server.comes_to(&id, "email", "sent").await;
    assert_eq!(smtp.mails().len(), 1);
    assert_eq!(server.metric("eventcenter_email_failed_over_total").await, Some(1.0));
    assert_eq!(server.metric("eventcenter_email_paused").await, Some(0.0));
}
