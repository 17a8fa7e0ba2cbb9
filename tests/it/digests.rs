//! Digests: mail that can wait comes as one letter, at the person's own hour, once.

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Executor;

use crate::support::events::json_with;
use crate::support::eventually::{SOON, eventually};
use crate::support::installation::Installation;
use crate::support::mail_server::Mailbox;
use crate::support::server::Server;

mod calendar;

/// Somebody whose mail is gathered once a day.
async fn a_daily_reader(server: &Server<'_>, user: i64) -> Mailbox {
    let mailbox = Mailbox::new();
    let contact = json!({"email": mailbox.address, "locale": "en", "time_zone": "Europe/Moscow", "digest": "daily"});
    server.service_json(Method::PUT, &format!("/api/users/{user}"), &contact).await.expect(200);
    mailbox
}

/// Their hour comes now.
async fn the_hour_comes(installation: &Installation) {
    let now = "update eventcenter.digest_items set due_at = statement_timestamp(), period = period - 1";
    installation.db.pool().execute(now).await.unwrap();
}

fn job_done(user: i64, fields: &Value) -> Value {
    let mut event = json_with(user, &json!({"channels": ["ws", "email"]}));
    event.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    event
}

fn text_of(mail: &Value) -> &str {
    mail["text"].as_str().unwrap()
}

#[tokio::test]
async fn a_daily_reader_gets_one_letter_about_all_that_could_wait() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let mailbox = a_daily_reader(&server, 42).await;
    let first =
        server.emit(&job_done(42, &json!({"title": "The map is rebuilt", "data": {"service": "vision"}}))).await;
    let second =
        server.emit(&job_done(42, &json!({"title": "The note is reworked", "data": {"service": "notes"}}))).await;
    for id in [&first, &second] {
        server.comes_to(id, "email", "digested").await;
    }

    the_hour_comes(&installation).await;

    let mail = mailbox.mail(1).await;
    assert!(text_of(&mail[0]).contains("The map is rebuilt"), "{}", mail[0]);
    assert!(text_of(&mail[0]).contains("The note is reworked"), "{}", mail[0]);
    assert_eq!(installation.db.count("select count(*) from eventcenter.digests where items = 2").await, 1);
    assert_eq!(installation.db.count("select count(*) from eventcenter.digest_items").await, 0);
    installation.db.assert_books_balance().await;
}

#[tokio::test]
async fn what_is_critical_or_waits_for_an_answer_goes_at_once() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let mailbox = a_daily_reader(&server, 42).await;

    let alert = server.emit(&job_done(42, &json!({"type": "system.alert", "level": "critical"}))).await;
    let question = json!({"type": "action.required", "data": {"action_id": "a-1", "options": ["A", "B"]}});
    let question = server.emit(&job_done(42, &question)).await;

    for id in [&alert, &question] {
        server.comes_to(id, "email", "sent").await;
    }
    mailbox.mail(2).await;
}

#[tokio::test]
async fn a_digest_in_which_nothing_is_left_is_no_letter() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let mailbox = a_daily_reader(&server, 42).await;
    let gone = server.emit(&job_done(42, &json!({"title": "Taken back"}))).await;
    let read = server.emit(&job_done(42, &json!({"title": "Read meanwhile"}))).await;
    let late = server.emit(&job_done(42, &json!({"title": "Too late", "expires_at": "2099-01-01T00:00:00Z"}))).await;
    for id in [&gone, &read, &late] {
        server.comes_to(id, "email", "digested").await;
    }
    let canceled = server.service(Method::POST, &format!("/api/events/{gone}/cancel")).await.expect(200).json();
    assert!(canceled["deliveries"].to_string().contains(r#"{"channel":"email","result":"canceled"}"#), "{canceled}");
    server.comes_to(&gone, "email", "canceled").await;
    server.person_json(42, Method::POST, "/api/inbox/read", &json!({"ids": [read]})).await.expect(200);
    let too_late = "update eventcenter.events set expires_at = now() - interval '1 minute' where title = 'Too late'";
    installation.db.pool().execute(too_late).await.unwrap();

    the_hour_comes(&installation).await;

    eventually(SOON, || async {
        (installation.db.count("select count(*) from eventcenter.digests where event_id is null").await == 1)
            .then_some(())
    })
    .await;
    let letters = "select count(*) from eventcenter.events where type = 'digest'";
    assert_eq!((installation.db.count(letters).await, mailbox.count().await), (0, 0));
}

#[tokio::test]
async fn a_long_list_says_how_much_more_there_is() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let mailbox = a_daily_reader(&server, 42).await;
    let many: Vec<Value> = (0..23).map(|n| job_done(42, &json!({"title": format!("Result {n}")}))).collect();
    server.service_json(Method::POST, "/events", &json!(many)).await.expect(202);

    the_hour_comes(&installation).await;

    let mail = mailbox.mail(1).await;
    assert!(text_of(&mail[0]).contains("Result 22") && !text_of(&mail[0]).contains("Result 2\n"), "{}", mail[0]);
    assert!(text_of(&mail[0]).contains("3 more"), "{}", mail[0]);
}

/// A letter is an event, and its data are bounded as any event's. One that did not fit would keep everybody's letters back.
#[tokio::test]
async fn the_longest_names_and_titles_still_make_a_letter() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let mailbox = a_daily_reader(&server, 42).await;
    let long = |n: usize| {
        let fields = json!({
            "id": format!("{}{n:02}", "\u{1f514}".repeat(250)),
            "title": "\"".repeat(250),
            "cta": {"label": "Open", "url": format!("https://example.org/{}", "\"".repeat(470))},
            "data": {"service": format!("{n:02}{}", "\u{1}".repeat(62))},
        });
        job_done(42, &fields)
    };
    let many: Vec<Value> = (0..20).map(long).collect();
    server.service_json(Method::POST, "/events", &json!(many)).await.expect(202);

    the_hour_comes(&installation).await;

    let mail = mailbox.mail(1).await;
    assert!(text_of(&mail[0]).contains(" more"), "{}", mail[0]);
}

#[tokio::test]
async fn an_item_that_comes_after_its_window_waits_for_the_next() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let mailbox = a_daily_reader(&server, 42).await;
    server.emit(&job_done(42, &json!({"title": "In time"}))).await;
    the_hour_comes(&installation).await;
    mailbox.mail(1).await;

    // A service's transaction that began before the hour and committed after it.
    server.emit(&job_done(42, &json!({"title": "Late"}))).await;
    let late = "update eventcenter.digest_items as i set due_at = statement_timestamp(), period = d.period
        from eventcenter.digests as d where d.user_id = i.user_id";
    installation.db.pool().execute(late).await.unwrap();

    eventually(SOON, || async {
        let waiting = "select count(*) from eventcenter.digest_items as i join eventcenter.digests as d using (user_id)
            where i.period > d.period and i.due_at > now()";
        (installation.db.count(waiting).await == 1).then_some(())
    })
    .await;
    assert_eq!(mailbox.count().await, 1);
}
