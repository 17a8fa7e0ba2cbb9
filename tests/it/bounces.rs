//! Mail that comes back: only what lasts, and what we sent ourselves, suppresses an address.

use std::path::{Path, PathBuf};

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::eventually::{SOON, eventually};
use crate::support::http::{Answer, request};
use crate::support::installation::Installation;
use crate::support::server::Server;

const PATH: &str = "/api/bounces";
const ADDRESS: (&str, &str) = ("EVENTCENTER_BOUNCE_ADDRESS", "bounce@example.org");

/// A notification as a mail server would send it to that return path.
fn notification(return_path: &str, action: &str, status: &str) -> String {
    format!(
        "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.net\nTo: {return_path}\nSubject: Undelivered Mail\n\
         MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\n\n\
         --b\nContent-Type: text/plain\n\nIt did not arrive.\n\
         --b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.net\n\n\
         Final-Recipient: rfc822; somebody.else@example.org\nAction: {action}\nStatus: {status}\n\
         Diagnostic-Code: smtp; 550 {status} said so\n\n--b--\n"
    )
}

/// A complaint as a mail provider would send it (RFC 5965).
fn complaint(return_path: &str) -> String {
    let report = format!("Feedback-Type: abuse\nUser-Agent: FBL/1\nVersion: 1\nOriginal-Mail-From: <{return_path}>\n");
    let body = notification("abuse@example.org", "failed", "5.1.1")
        .replace("message/delivery-status", "message/feedback-report");
    body.replace("Reporting-MTA: dns; mx.example.net\n", &report)
}

/// What became of a report that came by webhook.
async fn report(server: &Server<'_>, installation: &Installation, raw: String) -> Value {
    let call = request(Method::POST, &server.url(PATH)).bearer_auth(&installation.service_key);
    Answer::to(call.header(CONTENT_TYPE, "message/rfc822").body(raw)).await.expect(200).json()["verdict"].clone()
}

/// The return path of a mail that somebody has just got.
async fn mailed(server: &Server<'_>, user: i64) -> (String, String) {
    let mailbox = server.mailbox(user, "en").await;
    server.sees(user, &json!({}), "email", "sent").await;
    let from = mailbox.mail(1).await[0]["envelope_from"].as_str().unwrap().to_owned();
    (from, mailbox.address)
}

/// A Maildir that goes with the test.
struct Maildir(PathBuf);

impl Maildir {
    fn make() -> Self {
        let path = std::env::temp_dir().join(format!("eventcenter-bounces-{}", Uuid::now_v7()));
        for folder in ["tmp", "new", "cur"] {
            std::fs::create_dir_all(path.join(folder)).unwrap();
        }
        Self(path)
    }

    /// As a mail server does: complete before it is seen.
    fn receives(&self, name: &str, raw: &str) {
        std::fs::write(self.0.join("tmp").join(name), raw).unwrap();
        std::fs::rename(self.0.join("tmp").join(name), self.0.join("new").join(name)).unwrap();
    }

    async fn has_read(&self, name: &str) {
        let (new, cur) = (self.0.join("new").join(name), self.0.join("cur").join(format!("{name}:2,S")));
        eventually(SOON, || async { (!new.exists() && cur.exists()).then_some(()) }).await;
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Maildir {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

#[tokio::test]
async fn a_bounce_in_the_mailbox_ends_mail_to_that_address() {
    let installation = Installation::fresh().await;
    let maildir = Maildir::make();
    let directory = ("EVENTCENTER_BOUNCE_MAILDIR", maildir.path().to_str().unwrap());
    let server = installation.serve_with(&[ADDRESS, directory]).await;
    let (return_path, address) = mailed(&server, 42).await;
    assert!(return_path.starts_with("bounce+") && return_path.ends_with("@example.org"), "{return_path}");

    maildir.receives("1.vacation", "From: anna@example.org\nSubject: Away\n\nBack on Monday.\n");
    maildir.receives("2.bounce", &notification(&return_path.to_uppercase(), "failed", "5.1.1"));

    maildir.has_read("1.vacation").await;
    maildir.has_read("2.bounce").await;
    assert_eq!(server.sees(42, &json!({}), "email", "skipped").await["reason"], "suppressed");
    let listed = server.service(Method::GET, "/api/suppressions").await.expect(200).json();
    let [only] = &listed["suppressions"].as_array().unwrap()[..] else { panic!("{listed}") };
    assert_eq!((&only["address"], &only["reason"], &only["scope"]), (&json!(address), &json!("bounce"), &json!("*")));
    assert_eq!(only["detail"], "5.1.1 smtp; 550 5.1.1 said so");
    let metric = |verdict: &str| format!("eventcenter_bounces_total{{verdict=\"{verdict}\"}}");
    assert_eq!(server.metric(&metric("bounce")).await, Some(1.0));
    assert_eq!(server.metric(&metric("unreadable")).await, Some(1.0));
    assert!(!server.log().contains(&address), "an address is in the log");
}

#[tokio::test]
async fn what_may_pass_or_is_not_about_the_address_suppresses_nobody() {
    let installation = Installation::fresh().await;
    let server = installation.serve_with(&[ADDRESS]).await;
    let (return_path, _) = mailed(&server, 42).await;

    for (action, status) in [("failed", "4.4.7"), ("delayed", "5.1.1"), ("failed", "5.2.2"), ("failed", "5.7.1")] {
        let raw = notification(&return_path, action, status);
        assert_eq!(report(&server, &installation, raw).await, "transient", "{action} {status}");
    }

    server.sees(42, &json!({}), "email", "sent").await;
}

#[tokio::test]
async fn a_forged_bounce_suppresses_nobody() {
    let installation = Installation::fresh().await;
    let server = installation.serve_with(&[ADDRESS]).await;
    let (of_anna, _) = mailed(&server, 42).await;
    let (of_boris, boris) = mailed(&server, 43).await;
    // Anna's mail under Boris's signature, a mail that never was, and an address that merely looks like ours.
    let (id, tag) = (&of_anna[7..39], &of_boris[39..]);
    let nowhere = format!("bounce+{}{tag}", Uuid::now_v7().simple());
    for forged in [
        &format!("bounce+{id}{tag}"),
        &nowhere,
        "bounce@example.org",
        &of_anna.replace("example.org", "evil.example"),
        &boris,
    ] {
        assert_eq!(report(&server, &installation, notification(forged, "failed", "5.1.1")).await, "forged", "{forged}");
    }
    // A bounce of an address that Anna has left.
    server.mailbox(42, "en").await;
    assert_eq!(report(&server, &installation, notification(&of_anna, "failed", "5.1.1")).await, "forged");

    server.sees(42, &json!({}), "email", "sent").await;
    server.sees(43, &json!({}), "email", "sent").await;
    assert_eq!(installation.db.count("select count(*) from eventcenter.suppressions").await, 0);
}

#[tokio::test]
async fn a_complaint_ends_mail_of_its_type_and_critical_alerts_come_all_the_same() {
    let installation = Installation::fresh().await;
    let server = installation.serve_with(&[ADDRESS]).await;
    let (return_path, address) = mailed(&server, 42).await;

    assert_eq!(report(&server, &installation, complaint(&return_path)).await, "complaint");

    assert_eq!(server.sees(42, &json!({}), "email", "skipped").await["reason"], "suppressed");
    server.sees(42, &json!({"type": "reminder.due"}), "email", "sent").await;
    let all = json!({"address": address, "kind": "complaint", "detail": "provider 7"});
    let said = server.service_json(Method::POST, PATH, &all).await.expect(200).json();
    assert_eq!(said, json!({"verdict": "complaint"}));
    assert_eq!(server.sees(42, &json!({"type": "reminder.due"}), "email", "skipped").await["reason"], "suppressed");
    server.sees(42, &json!({"type": "system.alert", "level": "critical"}), "email", "sent").await;
}

#[tokio::test]
async fn a_provider_reports_by_webhook() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let mailbox = server.mailbox(42, "en").await;

    let bounce = json!({"address": mailbox.address.to_uppercase(), "kind": "bounce", "detail": "550 5.1.1"});
    let said = server.service_json(Method::POST, PATH, &bounce).await.expect(200).json();

    assert_eq!(said, json!({"verdict": "bounce"}));
    assert_eq!(server.sees(42, &json!({}), "email", "skipped").await["reason"], "suppressed");
    assert_eq!(mailbox.count().await, 0);
}

#[tokio::test]
async fn a_report_that_is_none_is_told_so() {
    let installation = Installation::fresh().await;
    let server = installation.serve_with(&[ADDRESS]).await;

    for (body, fields) in [
        (json!({}), vec!["kind", "address"]),
        (json!({"address": "anna", "kind": "unsubscribe"}), vec!["address", "kind"]),
        (json!({"address": "a@b.c", "kind": "bounce", "scope": "Job Done", "colour": 1}), vec!["scope", "colour"]),
        (json!([]), vec!["body"]),
    ] {
        assert_eq!(server.service_json(Method::POST, PATH, &body).await.faulty_fields(400), fields, "{body}");
    }
    for raw in ["", "\0\0", "Content-Type: multipart/report; boundary=b\n\n--b\n--b\n--b--"] {
        assert_eq!(report(&server, &installation, raw.to_owned()).await, "unreadable", "{raw:?}");
    }
    let send = |kind: &'static str, body: String| {
        let call = request(Method::POST, &server.url(PATH)).bearer_auth(&installation.service_key);
        Answer::to(call.header(CONTENT_TYPE, kind).body(body))
    };
    send("message/rfc822", "x".repeat(1024 * 1024 + 1)).await.faulty_fields(413);
    send("text/plain", String::new()).await.faulty_fields(415);
    // Strangers report nothing.
    let call = request(Method::POST, &server.url(PATH)).json(&json!({"address": "a@b.c", "kind": "bounce"}));
    Answer::to(call).await.faulty_fields(401);
}
