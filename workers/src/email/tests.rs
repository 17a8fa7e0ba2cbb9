use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::smtp::script::Server;
use super::*;

fn config(transport: Transport) -> EmailConfig {
    EmailConfig {
        from: "EventCenter <no-reply@example.org>".to_owned(),
        domain: "mail.example.org".to_owned(),
        app_url: Url::parse("https://app.example.org").unwrap(),
        fallback: "/app".to_owned(),
        transport,
        dkim: None,
        templates: None,
        links: MailLinks::new(b"secret", None, None).unwrap(),
    }
}

/// A directory that goes when the test does.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("eventcenter-{name}-{}", uuid::Uuid::now_v7())))
    }

    fn mail(&self) -> String {
        std::fs::read_to_string(self.0.join("evt_01a20692a88e72f1824ea4cc05cff2e1.eml")).unwrap()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

async fn deliver(email: &Email, contact: Contact) -> Try {
    let mut report = email.deliver(&fixtures::message(contact)).await;
    assert_eq!(report.tries.len(), 1);
    report.tries.remove(0)
}

fn to(email: &str) -> Contact {
    Contact::Email(Some(Recipient { email: email.to_owned(), ..fixtures::recipient() }))
}

#[tokio::test]
async fn a_person_without_an_address_is_skipped() {
    let directory = Directory::new("no-address");
    let email = Email::new(config(Transport::Files(directory.0.clone()))).unwrap();

    let only = deliver(&email, Contact::Email(None)).await;

    assert_eq!(only, Try::overall(Outcome::Skipped(Skip::NoAddress)));
    assert!(!directory.0.exists());
}

#[tokio::test]
async fn the_mail_catcher_gets_the_same_file_at_every_try() {
    let directory = Directory::new("files");
    let email = Email::new(config(Transport::Files(directory.0.clone()))).unwrap();
    email.check().await.unwrap();

    let only = deliver(&email, to("anna@example.org")).await;
    let first = directory.mail();
    deliver(&email, to("anna@example.org")).await;

    assert_eq!((only.outcome, only.target.as_str()), (Outcome::Sent, "a…@example.org"));
    assert_eq!(only.code.as_deref(), Some("evt_01a20692a88e72f1824ea4cc05cff2e1.eml"));
    assert!(first.contains("To: Anna <anna@example.org>\r\n"), "{first}");
    assert_eq!(first, directory.mail());
    assert_eq!(std::fs::read_dir(&directory.0).unwrap().count(), 1, "a draft was left behind");
    let mode = std::fs::metadata(&directory.0).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "others can read the mail");
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_is_tried_again() {
    let email = Email::new(config(Transport::Files(Path::new("/dev/null/mail").to_owned()))).unwrap();

    let only = deliver(&email, to("anna@example.org")).await;

    assert_eq!(only.outcome, Outcome::Retry { fault: Fault::ProviderError, after: None });
    assert!(email.check().await.is_err());
}

#[tokio::test]
async fn an_unusable_address_fails_for_good() {
    let email = Email::new(config(Transport::Files(Directory::new("unusable").0.clone()))).unwrap();

    let only = deliver(&email, to("анна@example.org")).await;

    assert_eq!((only.outcome, only.target.as_str()), (Outcome::Failed(Fault::BadTarget), "а…@example.org"));
}

#[tokio::test]
async fn a_refusal_is_kept_without_the_address() {
    let server = Server::start(&[&[("RCPT", "550 5.1.1 <anna@example.org>: unknown")]]).await;
    let smtp = SmtpConfig::parse(&format!("smtp://127.0.0.1:{}?tls=none", server.port)).unwrap();
    let email = Email::new(config(Transport::Smtp { server: smtp, fallback: None })).unwrap();

    let only = deliver(&email, to("anna@example.org")).await;

    assert_eq!(only.outcome, Outcome::Failed(Fault::NoSuchAddress));
    assert_eq!(only.code.as_deref(), Some("550 5.1.1 <a…@example.org>: unknown"));
    assert!(!format!("{only:?}").contains("anna"));
    email.check().await.unwrap();
}

#[tokio::test]
async fn a_mail_can_be_left_and_comes_back_to_an_address_of_its_own() {
    let server = Server::start(&[&[]]).await;
    let smtp = SmtpConfig::parse(&format!("smtp://127.0.0.1:{}?tls=none", server.port)).unwrap();
    let public_url = Url::parse("https://ec.example.org").unwrap();
    let links = MailLinks::new(b"secret", Some(public_url), Some("bounce@example.org")).unwrap();
    let transport = Transport::Smtp { server: smtp, fallback: None };
    let email = Email::new(EmailConfig { links, ..config(transport) }).unwrap();

    deliver(&email, to("anna@example.org")).await;

    let log = server.log();
    let sender = log.commands.iter().find(|command| command.starts_with("MAIL FROM:")).unwrap();
    assert!(sender.starts_with("MAIL FROM:<bounce+01a20692a88e72f1824ea4cc05cff2e1"), "{sender}");
    assert!(log.mails[0].contains("List-Unsubscribe: <https://ec.example.org/unsubscribe/"), "{}", log.mails[0]);
    assert!(log.mails[0].contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"), "{}", log.mails[0]);
}

#[test]
fn a_wrong_setting_is_named() {
    let files = || config(Transport::Files(PathBuf::new()));
    let app_url = |url: &str| EmailConfig { app_url: Url::parse(url).unwrap(), ..files() };
    let message = |config| Email::new(config).map(drop).unwrap_err().to_string();

    for from in ["", "no-reply", "щ@example.org", "a@b.c\r\nBcc: x@y.z"] {
        assert!(message(EmailConfig { from: from.to_owned(), ..files() }).contains("the sender"), "{from}");
    }
    for domain in ["", "a b", "example..org", "example.org>\r\n"] {
        assert!(message(EmailConfig { domain: domain.to_owned(), ..files() }).contains("domain"), "{domain}");
    }
    assert!(message(app_url("ftp://example.org")).contains("app URL"));
    for fallback in ["//evil.example", "javascript:alert(1)"] {
        assert!(message(EmailConfig { fallback: fallback.to_owned(), ..files() }).contains("fallback"), "{fallback}");
    }
}
