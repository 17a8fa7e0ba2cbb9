//! The main job, on real parts: what a service says once reaches a socket, a browser and a mailbox, and its status
//! tells the truth about each.

use jiff::Timestamp;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Executor};

use crate::support::events::json_with;
use crate::support::eventually::{SOON, eventually};
use crate::support::installation::{APP_URL, Installation};
use crate::support::push_service::{self, plaintext};
use crate::support::sql::insert;
use crate::support::ws_client::WsClient;

/// For somebody who reads Russian, everywhere.
fn everywhere() -> Value {
    let fields = json!({
        "title": "Фотография готова",
        "body": "Теперь она резкая.",
        "channels": ["ws", "push", "email"],
        "cta": {"label": "Смотреть", "url": "/photos/7"},
        "data": {"photo": 7},
    });
    json_with(42, &fields)
}

/// The only attempt of a delivery that was sent, checked as far as every channel's is the same.
fn only_attempt(delivery: &Value) -> &Value {
    let attempts = delivery["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 1, "{delivery:#}");
    let attempt = &attempts[0];
    assert_eq!((&attempt["attempt"], &attempt["outcome"]), (&json!(1), &json!("sent")), "{attempt:#}");
    assert!(attempt["duration_ms"].is_u64(), "{attempt:#}");
    let at: Timestamp = attempt["at"].as_str().unwrap().parse().unwrap();
    assert!(at <= Timestamp::now() && at.duration_until(Timestamp::now()).as_secs() < 60, "{attempt:#}");
    attempt
}

#[tokio::test]
async fn an_event_reaches_every_channel_and_its_status_tells_the_truth() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let mailbox = server.mailbox(42, "ru").await;
    let browser = push_service::Browser::new(&installation.vapid_public_key).await;
    let subscription = server.subscribe(42, &browser).await;
    let (session, other) = (server.session(42, "").await, server.session(43, "").await);

    let id = server.emit(&everywhere()).await;

    let mut event = server.event(&id).await;
    event.as_object_mut().unwrap().remove("deliveries");
    let frame = json!({"t": "event", "seq": 1, "prev": 0, "replay": false, "event": event});
    assert_eq!(session.frame(0).await, frame);

    let push = &browser.pushes(1).await[0];
    check_push(push, &id).await;
    let mail = &mailbox.mail(1).await[0];
    check_mail(mail, &mailbox.address, &id);

    assert_eq!(server.comes_to(&id, "ws", "sent").await["seq"], 1);
    let pushed = server.comes_to(&id, "push", "sent").await;
    let attempt = only_attempt(&pushed);
    assert_eq!((&attempt["target"], &attempt["provider_code"]), (&json!(subscription), &json!("201")));
    let mailed = server.comes_to(&id, "email", "sent").await;
    let attempt = only_attempt(&mailed);
    let target = attempt["target"].as_str().unwrap();
    assert!(target.ends_with("@example.org") && target.len() < mailbox.address.len(), "{target}");
    assert!(attempt["provider_code"].as_str().unwrap().starts_with("250 "), "{attempt}");

    assert_eq!(other.frames(), 0, "somebody else was told");
    installation.db.assert_books_balance().await;
}

/// What the push service and its browser saw: RFC 8030, 8291 and 8292, by other hands.
async fn check_push(push: &Value, id: &str) {
    assert_eq!((&push["status"], &push["http_version"]), (&json!(201), &json!("HTTP/2")));
    let vapid = &push["vapid"];
    assert_eq!(
        (&vapid["aud"], &vapid["sub"]),
        (&json!(push_service::origin().await), &json!("mailto:ops@example.org"))
    );
    let headers = &push["headers"];
    assert_eq!((&headers["urgency"], &headers["content-encoding"]), (&json!("normal"), &json!("aes128gcm")));
    assert!(headers["ttl"].as_str().unwrap().parse::<u32>().unwrap() > 0, "{headers}");
    let said = plaintext(push);
    let notification = &said["notification"];
    assert_eq!(notification["title"], "Фотография готова");
    assert_eq!(notification["body"], "Теперь она резкая.");
    assert_eq!(notification["navigate"], format!("{APP_URL}/photos/7"));
    assert_eq!(notification["tag"], headers["topic"]);
    assert_eq!((&said["event"]["id"], &said["event"]["data"]), (&json!(id), &json!({"photo": 7})));
}

/// What the mail server kept, as another language's parser reads it.
fn check_mail(mail: &Value, address: &str, id: &str) {
    let header = |name: &str| mail["headers"][name][0].as_str().unwrap();
    assert_eq!(header("subject"), "Фотография готова");
    assert_eq!(header("to"), format!("Анна <{address}>"));
    assert_eq!(header("from"), "EventCenter <no-reply@example.org>");
    assert_eq!(message_id(id), header("message-id"));
    assert_eq!((&mail["envelope_from"], &mail["envelope_to"]), (&json!("no-reply@example.org"), &json!(address)));
    let text = mail["text"].as_str().unwrap();
    // The template writes a slash as a character reference.
    let html = mail["html"].as_str().unwrap().replace("&#x2f;", "/");
    for wanted in ["Теперь она резкая.", "https://app.example.org/photos/7", "Смотреть"] {
        assert!(text.contains(wanted) && html.contains(wanted), "{wanted} is missing in {text}\n{html}");
    }
}

/// The event's name in mail, the same for each try.
fn message_id(id: &str) -> String {
    let uuid: uuid::Uuid = id.strip_prefix("evt_").unwrap().parse().unwrap();
    format!("<{uuid}.email@example.org>")
}

#[tokio::test]
async fn what_a_service_inserts_is_told_once_its_transaction_commits_and_never_when_it_rolls_back() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let (mailbox, browser) = (server.mailbox(42, "ru").await, server.browser(42).await);
    let session = server.session(42, "").await;
    let mut service = installation.db.connect_as_emitter().await;

    let mut taken_back = service.begin().await.unwrap();
    let draft = json_with(42, &json!({"title": "Taken back", "channels": ["ws", "push", "email"]}));
    taken_back.execute(AssertSqlSafe(insert(&draft))).await.unwrap();
    taken_back.rollback().await.unwrap();
    let mut transaction = service.begin().await.unwrap();
    transaction.execute(AssertSqlSafe(insert(&everywhere()))).await.unwrap();
    // Nobody is told before the commit: the node, the workers and the keeper go on with other people's events.
    let before = server.emit(&json_with(43, &json!({"channels": ["ws", "push"]}))).await;
    server.comes_to(&before, "push", "skipped").await;
    assert_eq!((session.frames(), browser.count().await, mailbox.count().await), (0, 0, 0));
    transaction.commit().await.unwrap();

    let frame = session.frame(0).await;
    let id = frame["event"]["id"].as_str().unwrap();
    assert_eq!((&frame["seq"], &frame["event"]["title"]), (&json!(1), &json!("Фотография готова")));
    check_push(&browser.pushes(1).await[0], id).await;
    check_mail(&mailbox.mail(1).await[0], &mailbox.address, id);
    server.comes_to(id, "push", "sent").await;
    server.comes_to(id, "email", "sent").await;
    assert_eq!(installation.db.count("select count(*) from eventcenter.events where user_id = 42").await, 1);
    installation.db.assert_books_balance().await;
}

#[tokio::test]
async fn sessions_get_what_they_missed_and_then_what_comes_by_one_numbering() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(server.emit(&json_with(42, &json!({}))).await);
    }

    let (all, some) = (server.session(42, "?after=0").await, server.session(42, "?after=2").await);
    some.frame(0).await;
    ids.push(server.emit(&json_with(42, &json!({}))).await);

    for (seq, id) in (1..).zip(&ids) {
        let frame = all.frame(seq - 1).await;
        assert_eq!((&frame["seq"], &frame["prev"]), (&json!(seq), &json!(seq - 1)));
        assert_eq!((&frame["event"]["id"], &frame["replay"]), (&json!(id), &json!(seq < 4)));
        assert!(all.text(seq - 1).starts_with(&format!(r#"{{"t":"event","seq":{seq},"prev":{},"replay":"#, seq - 1)));
    }
    assert_eq!(some.text(0), all.text(2));
    some.frame(1).await;
    assert_eq!(some.text(1), all.text(3));
    let ahead = server.session(42, "?after=9").await;
    assert_eq!(ahead.frame(0).await["code"], "after_is_ahead");
    assert_eq!(ahead.closed().await["close"], 4203);
}

#[tokio::test]
async fn whoever_knows_that_a_socket_is_open_can_count_on_it() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let mut blocker = installation.db.pool().begin().await.unwrap();
    blocker.execute("lock table eventcenter.streams in access exclusive mode").await.unwrap();

    let session = WsClient::try_open(&server.socket(""), &installation.token(42));

    // While the server cannot learn where the stream ends, it could not tell what is new from what is old.
    let waiting =
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    eventually(SOON, || async { (installation.db.count(waiting).await > 0).then_some(()) }).await;
    server.get("/healthz").await.expect(200);
    assert!(!session.is_open(), "the client would miss what is emitted now");
    blocker.rollback().await.unwrap();
    eventually(SOON, || async { session.is_open().then_some(()) }).await;
    let id = server.emit(&json_with(42, &json!({}))).await;
    assert_eq!(session.frame(0).await["event"]["id"], json!(id));
}

#[tokio::test]
async fn a_browser_that_is_gone_is_forgotten_and_the_others_are_told() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let (stays, gone, lost) = (server.browser(42).await, server.browser(42).await, server.browser(42).await);
    gone.unsubscribe().await;
    lost.will_answer(&json!([{"status": 404}])).await;

    let id = server.emit(&json_with(42, &json!({}))).await;

    stays.pushes(1).await;
    let delivery = server.comes_to(&id, "push", "sent").await;
    let mut outcomes: Vec<String> = delivery["attempts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {} {}", one["outcome"], one["reason"], one["provider_code"]).replace('"', ""))
        .collect();
    outcomes.sort();
    assert_eq!(outcomes, ["failed gone 404", "failed gone 410", "sent null 201"]);
    let left = "select count(*) from eventcenter.push_subscriptions";
    assert_eq!(installation.db.count(left).await, 1);
    assert_eq!(server.metric("eventcenter_push_subscriptions_gone_total").await, Some(2.0));
}

#[tokio::test]
async fn a_push_is_tried_again_only_where_it_failed_and_under_the_same_name() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let (takes, refuses) = (server.browser(42).await, server.browser(42).await);
    refuses.will_answer(&json!([{"status": 503}, {"status": 429, "headers": {"Retry-After": "1"}}])).await;

    let id = server.emit(&json_with(42, &json!({"level": "critical"}))).await;

    // Each next try waits for up to four seconds; the test does not.
    eventually(SOON, || async {
        installation.db.make_all_due().await;
        (refuses.count().await == 3).then_some(())
    })
    .await;
    let pushes = refuses.pushes(3).await;
    for push in &pushes {
        assert_eq!(push["headers"]["topic"], pushes[0]["headers"]["topic"]);
        assert_eq!((&push["headers"]["urgency"], plaintext(push)), (&json!("high"), plaintext(&pushes[0])));
    }
    takes.pushes(1).await;
    let delivery = eventually(SOON, || async {
        let delivery = server.delivery(&id, "push").await;
        (delivery["attempts"].as_array().unwrap().len() == 4).then_some(delivery)
    })
    .await;
    let mut codes: Vec<&str> =
        delivery["attempts"].as_array().unwrap().iter().map(|one| one["provider_code"].as_str().unwrap()).collect();
    codes.sort_unstable();
    assert_eq!((&delivery["state"], &codes[..]), (&json!("sent"), &["201", "201", "429", "503"][..]));
    installation.db.assert_books_balance().await;
}

#[tokio::test]
async fn a_refused_address_has_failed_and_says_why() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let mailbox = server.mailbox(42, "en").await;
    mailbox.is_refused("550 5.1.1 nobody of that name").await;

    let id = server.emit(&json_with(42, &json!({"channels": ["email"]}))).await;

    let delivery = server.comes_to(&id, "email", "failed").await;
    let attempt = &delivery["attempts"][0];
    assert!(attempt["provider_code"].as_str().unwrap().contains("550 5.1.1 nobody of that name"), "{attempt}");
    assert_eq!(mailbox.count().await, 0);
}

#[tokio::test]
async fn what_nobody_can_be_told_says_why() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;

    let id = server.emit(&everywhere()).await;
    let noise = json_with(42, &json!({"type": "job.progress", "channels": ["ws", "push"]}));
    let noise = server.emit(&noise).await;

    assert_eq!(server.comes_to(&id, "push", "skipped").await["reason"], "no_subscription");
    assert_eq!(server.comes_to(&id, "email", "skipped").await["reason"], "no_address");
    assert_eq!(server.comes_to(&noise, "push", "skipped").await["reason"], "noise");
    installation.db.assert_books_balance().await;
}
