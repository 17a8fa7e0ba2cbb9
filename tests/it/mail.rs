//! What people get: mail of every type, through a real server, read by other hands.

use std::fs;
use std::path::PathBuf;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RsaKeyPair};
use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::events::json_with;
use crate::support::eventually::{SOON, eventually};
use crate::support::installation::Installation;
use crate::support::mail_server;

const TYPES: [&str; 6] =
    ["action.required", "job.done", "reminder.due", "system.alert", "task.created", "of.the.operator"];

/// A directory that goes with the test.
#[derive(Debug)]
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("eventcenter-mail-{}", Uuid::now_v7().simple()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// A private key as PEM; its public half is in the server's DNS.
async fn dkim_key(selector: &str) -> String {
    let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let public = key.public_key().as_der().unwrap();
    let record = format!("v=DKIM1; k=rsa; p={}", BASE64.encode(public.as_ref()));
    mail_server::publish(&format!("{selector}._domainkey.example.org"), &record).await;
    let private = key.as_der().unwrap();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", BASE64.encode(private.as_ref()))
}

fn header<'a>(mail: &'a Value, name: &str) -> &'a str {
    mail["headers"][name][0].as_str().unwrap_or_else(|| panic!("no {name}: {mail:#}"))
}

#[tokio::test]
async fn mail_of_every_type_and_language_is_flawless_signed_and_says_what_it_is() {
    let scratch = Scratch::new();
    let selector = format!("s{}", Uuid::now_v7().simple());
    let key = scratch.write("dkim.pem", &dkim_key(&selector).await);
    let installation = Installation::fresh().await;
    let server =
        installation.serve_with(&[("EVENTCENTER_DKIM_KEY", &key), ("EVENTCENTER_DKIM_SELECTOR", &selector)]).await;
    for (user, locale, answer) in [(42, "ru-RU", "Нужен ваш ответ"), (43, "en", "Your answer is needed")] {
        let mailbox = server.mailbox(user, locale).await;
        for kind in TYPES {
            let data = json!({
                "service": "photos", "conversation_id": 7, "action_id": "a-1",
                "options": ["yes", {"value": "no", "label": "Лучше не надо"}],
            });
            let event = json!({"type": kind, "channels": ["email"], "title": "Готово? Yes", "data": data});
            server.emit(&json_with(user, &event)).await;
        }

        let mails = mailbox.mail(TYPES.len()).await;

        let threads: Vec<&str> = mails.iter().map(|mail| header(mail, "references")).collect();
        assert!(threads.iter().all(|thread| *thread == threads[0]), "{threads:?}");
        for mail in &mails {
            assert_eq!(mail["dkim"], true, "{mail:#}");
            assert_eq!(header(mail, "auto-submitted"), "auto-generated");
            assert_eq!(header(mail, "in-reply-to"), threads[0]);
            let feedback: Vec<&str> = header(mail, "feedback-id").split(':').collect();
            assert!(matches!(feedback[..], [kind, "photos", "eventcenter", "example.org"] if TYPES.contains(&kind)));
            assert_eq!(header(mail, "list-id"), format!("<{}.eventcenter.example.org>", feedback[0]));
            assert!(mail["html"].as_str().unwrap().len() < 100_000);
        }
        let subject = format!("{answer}: Готово? Yes");
        let action = mails.iter().find(|mail| header(mail, "subject") == subject).unwrap();
        let button = "https://app.example.org/actions/a-1?option=no";
        assert!(action["text"].as_str().unwrap().contains(&format!("Лучше не надо: {button}")), "{action:#}");
        assert!(action["html"].as_str().unwrap().replace("&#x2f;", "/").contains(&format!("href=\"{button}\"")));
    }
}

#[tokio::test]
async fn names_and_texts_of_every_kind_arrive_as_they_were_written() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let mailbox = mail_server::Mailbox::new();
    let name = r#"Анна "Аня" O'Brien, <evil@example.net>; (x)"#;
    let contact = json!({"email": mailbox.address, "name": name, "locale": "ru"});
    server.service_json(reqwest::Method::PUT, "/api/users/42", &contact).await.expect(200);
    let bodies =
        ["щ".repeat(8 * 1024), "x".repeat(16 * 1024), ".\n..\n.x\n".to_owned(), "<script>{{ 7*7 }}".to_owned()];
    for body in &bodies {
        server.emit(&json_with(42, &json!({"channels": ["email"], "body": body}))).await;
    }

    let mails = mailbox.mail(bodies.len()).await;

    for body in &bodies {
        let found = mails.iter().find(|mail| mail["text"].as_str().unwrap().contains(body.as_str()));
        let mail = found.unwrap_or_else(|| panic!("no mail with {} bytes", body.len()));
        assert!(header(mail, "to").contains("Анна") && mail["headers"]["bcc"].is_null(), "{}", header(mail, "to"));
        assert_eq!(mail["envelope_to"], json!(mailbox.address));
    }
    installation.db.assert_books_balance().await;
}

#[tokio::test]
async fn what_would_forge_a_header_or_run_a_program_is_refused_by_name() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    for (field, value) in [
        ("title", json!("a\r\nBcc: evil@example.net")),
        ("cta", json!({"label": "x", "url": "javascript:alert(1)"})),
        ("cta", json!({"label": "x\r\ny", "url": "/x"})),
    ] {
        let event = json_with(42, &json!({"channels": ["email"], field: value}));
        let problem = server.service_json(reqwest::Method::POST, "/events", &event).await.expect(400).json();
        assert!(problem["errors"][0]["field"].as_str().unwrap().starts_with(field), "{problem:#}");
    }
    for (field, value) in [("email", "a@example.org\r\nBcc: evil@example.net"), ("name", "Anna\r\nBcc: x@y.z")] {
        let mut contact = json!({"email": "anna@example.org", "locale": "en"});
        contact[field] = value.into();
        let problem = server.service_json(reqwest::Method::PUT, "/api/users/42", &contact).await.expect(400).json();
        assert_eq!(problem["errors"][0]["field"], field, "{problem:#}");
    }
}

#[tokio::test]
async fn an_operator_s_template_is_used_once_it_is_sound_and_a_broken_one_stops_no_mail() {
    let folder = Scratch::new();
    folder.write("job.done/ru.txt", "Subject: {% broken\n");
    let installation = Installation::fresh().await;
    let server = installation.serve_with(&[("EVENTCENTER_TEMPLATES", folder.0.to_str().unwrap())]).await;
    let emit = async || {
        let mailbox = server.mailbox(42, "ru").await;
        let event = json!({"channels": ["email"], "data": {"service": "photos"}});
        server.emit(&json_with(42, &event)).await;
        header(&mailbox.mail(1).await[0], "subject").to_owned()
    };
    assert_eq!(emit().await, "Photo ready");
    assert_eq!(server.metric("eventcenter_email_templates_broken").await, Some(1.0));
    assert!(server.log().contains("job.done/ru.txt does not compile"), "{}", server.log());

    folder.write("job.done/ru.txt", "Subject: Мастерская: {{ title }}\n\nТекст.\n");
    folder.write("job.done+videos/ru.txt", "Subject: {{ data.length }}\n");
    folder.write("job.done+videos/fixture.json", r#"{"data": {"length": 7}}"#);
    eventually(SOON, || async {
        (server.metric("eventcenter_email_templates_broken").await == Some(0.0)).then_some(())
    })
    .await;
    assert_eq!(emit().await, "Мастерская: Photo ready");

    // This event has no length, though the fixture has: the built-in template writes the mail.
    let mailbox = server.mailbox(42, "ru").await;
    server.emit(&json_with(42, &json!({"channels": ["email"], "data": {"service": "videos"}}))).await;
    assert_eq!(header(&mailbox.mail(1).await[0], "subject"), "Photo ready");
    assert_eq!(server.metric("eventcenter_email_template_failures_total").await, Some(1.0));
}

#[tokio::test]
async fn mail_goes_encrypted_by_starttls_and_from_the_first_byte() {
    for url in mail_server::tls_urls().await {
        let installation = Installation::fresh().await;
        let trusting = [("EVENTCENTER_SMTP_URL", url.as_str()), ("SSL_CERT_FILE", mail_server::authority().await)];
        let server = installation.serve_with(&trusting).await;
        let mailbox = server.mailbox(42, "en").await;

        server.emit(&json_with(42, &json!({"channels": ["email"]}))).await;

        assert_eq!(mailbox.mail(1).await[0]["protocol"], "esmtps", "{url}");
    }
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_gets_no_mail() {
    for url in mail_server::tls_urls().await {
        let installation = Installation::fresh().await;
        let server = installation.serve_with(&[("EVENTCENTER_SMTP_URL", &url)]).await;
        let mailbox = server.mailbox(42, "en").await;

        server.emit(&json_with(42, &json!({"channels": ["email"]}))).await;

        let tried = "select count(*) from eventcenter.attempts where outcome = 'retry' and channel = 'email'";
        eventually(SOON, || async { (installation.db.count(tried).await > 0).then_some(()) }).await;
        assert_eq!(mailbox.count().await, 0, "{url}");
    }
}
