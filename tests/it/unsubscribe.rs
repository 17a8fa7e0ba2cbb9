//! One click in a mail program ends one person's mail of one type, without logging in (RFC 8058).

use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde_json::{Value, json};

use crate::support::http::{Answer, request};
use crate::support::installation::Installation;
use crate::support::server::Server;

const SITE: &str = "https://notify.example.org";
const SETTINGS: [(&str, &str); 1] = [("EVENTCENTER_PUBLIC_URL", SITE)];

/// The path that a mail's headers offer to a mail program.
fn path(mail: &Value) -> String {
    let header = |name: &str| mail["headers"][name][0].as_str().unwrap_or_else(|| panic!("no {name}: {mail:#}"));
    assert_eq!(header("list-unsubscribe-post"), "List-Unsubscribe=One-Click");
    let link = header("list-unsubscribe").strip_prefix('<').unwrap().strip_suffix('>').unwrap();
    link.strip_prefix(SITE).unwrap().to_owned()
}

/// What a mail program sends.
async fn one_click(server: &Server<'_>, path: &str) -> Answer {
    let post = request(Method::POST, &server.url(path)).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    Answer::to(post.body("List-Unsubscribe=One-Click")).await
}

#[tokio::test]
async fn one_click_ends_that_mail_and_no_other() {
    let installation = Installation::fresh().await;
    let server = installation.serve_with(&SETTINGS).await;
    let (anna, boris) = (server.mailbox(42, "en").await, server.mailbox(43, "en").await);
    server.sees(42, &json!({}), "email", "sent").await;
    let path = path(&anna.mail(1).await[0]);

    for _ in 0..2 {
        one_click(&server, &path).await.expect(200);
    }

    assert_eq!(server.sees(42, &json!({}), "email", "skipped").await["reason"], "unsubscribed");
    server.sees(42, &json!({"type": "reminder.due"}), "email", "sent").await;
    server.sees(42, &json!({}), "ws", "sent").await;
    server.sees(43, &json!({}), "email", "sent").await;
    // Another address is the same person's.
    let moved = server.mailbox(42, "en").await;
    assert_eq!(server.sees(42, &json!({}), "email", "skipped").await["reason"], "unsubscribed");
    anna.mail(2).await;
    boris.mail(1).await;
    assert_eq!(moved.count().await, 0);
    assert_eq!(installation.db.count("select count(*) from eventcenter.suppressions").await, 1);
    installation.db.assert_books_balance().await;
}

#[tokio::test]
async fn a_program_that_follows_links_changes_nothing() {
    let installation = Installation::fresh().await;
    let server = installation.serve_with(&SETTINGS).await;
    let mailbox = server.mailbox(42, "ru").await;
    server.sees(42, &json!({}), "email", "sent").await;
    let path = path(&mailbox.mail(1).await[0]);

    let page = server.get(&path).await.expect(200);
    let head = Answer::to(request(Method::HEAD, &server.url(&path)).header(ACCEPT, "*/*")).await.expect(200);

    assert!(page.text.contains("<html lang=\"ru\">") && page.text.contains("<form method=\"post\">"), "{}", page.text);
    assert!(!page.text.contains("<script"), "{}", page.text);
    assert!(page.header("content-security-policy").contains("default-src 'none'"), "{page:?}");
    assert_eq!((page.header("referrer-policy"), page.header("cache-control")), ("no-referrer", "no-store"));
    assert_eq!(head.text, "");
    server.sees(42, &json!({}), "email", "sent").await;

    let done = one_click(&server, &path).await.expect(200);
    assert!(done.text.contains("Писем об этом больше не будет") && !done.text.contains("<form"), "{}", done.text);
}

#[tokio::test]
async fn a_link_that_was_tampered_with_is_nobodys() {
    let installation = Installation::fresh().await;
    let server = installation.serve_with(&SETTINGS).await;
    let mailbox = server.mailbox(42, "en").await;
    server.sees(42, &json!({}), "email", "sent").await;
    let path = path(&mailbox.mail(1).await[0]);

    let other = if path.ends_with('A') { "B" } else { "A" };
    let of_a_token = format!("/unsubscribe/{}", installation.token(42));
    for wrong in [&format!("{}{other}", &path[..path.len() - 1]), "/unsubscribe/x", "/unsubscribe/%00", &of_a_token] {
        one_click(&server, wrong).await.faulty_fields(404);
        server.get(wrong).await.faulty_fields(404);
    }

    assert_eq!(installation.db.count("select count(*) from eventcenter.suppressions").await, 0);
}

#[tokio::test]
async fn critical_system_alerts_offer_no_way_out_and_keep_coming() {
    let installation = Installation::fresh().await;
    let server = installation.serve_with(&SETTINGS).await;
    let mailbox = server.mailbox(42, "en").await;
    let alert = |level: &str| json!({"type": "system.alert", "level": level});
    server.sees(42, &alert("critical"), "email", "sent").await;
    server.sees(42, &alert("error"), "email", "sent").await;
    let mail = mailbox.mail(2).await;
    assert_eq!(mail[0]["headers"].get("list-unsubscribe"), None);

    let page = one_click(&server, &path(&mail[1])).await.expect(200);

    assert!(page.text.contains("Critical alerts are sent all the same"), "{}", page.text);
    assert_eq!(server.sees(42, &alert("error"), "email", "skipped").await["reason"], "unsubscribed");
    server.sees(42, &alert("critical"), "email", "sent").await;
}

#[tokio::test]
async fn whoever_unsubscribed_sees_it_in_their_preferences_and_can_come_back() {
    let installation = Installation::fresh().await;
    let server = installation.serve_with(&SETTINGS).await;
    let mailbox = server.mailbox(42, "en").await;
    server.sees(42, &json!({}), "email", "sent").await;
    one_click(&server, &path(&mailbox.mail(1).await[0])).await.expect(200);

    let preferences = server.person(42, Method::GET, "/api/preferences").await.expect(200).json();
    assert_eq!(preferences["types"]["job.done"], json!({"ws": true, "push": true, "email": false}));
    let types = json!({"types": preferences["types"]});
    server.person_json(42, Method::PUT, "/api/preferences", &types).await.expect(200);
    assert_eq!(server.sees(42, &json!({}), "email", "skipped").await["reason"], "unsubscribed");

    server.person_json(42, Method::PUT, "/api/preferences", &json!({"types": {}})).await.expect(200);
    server.sees(42, &json!({}), "email", "sent").await;
}

#[tokio::test]
async fn without_a_public_address_mail_offers_nothing_that_would_not_work() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let mailbox = server.mailbox(42, "en").await;

    server.sees(42, &json!({}), "email", "sent").await;

    assert_eq!(mailbox.mail(1).await[0]["headers"].get("list-unsubscribe"), None);
}
