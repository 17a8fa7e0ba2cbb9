use super::*;
use crate::email::address::mailbox;
use crate::email::fixtures;
use eventcenter_core::delivery::Recipient;
use eventcenter_core::id::{EventId, UserId};

fn composed(event: &Event, recipient: &Recipient) -> String {
    let from: Mailbox = "EventCenter <no-reply@example.org>".parse().unwrap();
    let content = Content { subject: event.title.clone(), text: event.body.clone(), html: event.body.clone() };
    let (to, facts) = (mailbox(recipient).unwrap(), Facts::of(event));
    let envelope =
        Envelope { from: &from, domain: "mail.example.org", to: &to, event, facts: &facts, unsubscribe: None };
    String::from_utf8(compose(envelope, content).unwrap()).unwrap()
}

/// The header lines, unfolded.
fn headers(mail: &str) -> Vec<String> {
    let head = mail.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ");
    head.split("\r\n").map(str::to_owned).collect()
}

#[test]
fn a_retry_is_byte_identical() {
    let first = composed(&fixtures::event(), &fixtures::recipient());

    assert_eq!(first, composed(&fixtures::event(), &fixtures::recipient()));
}

#[test]
fn the_event_names_and_dates_the_mail() {
    let headers = headers(&composed(&fixtures::event(), &fixtures::recipient()));

    for line in [
        "Message-ID: <01a20692-a88e-72f1-824e-a4cc05cff2e1.email@mail.example.org>",
        "Date: Mon, 23 Nov 2026 09:00:00 +0000",
        "Auto-Submitted: auto-generated",
        "List-Id: <job.done.eventcenter.mail.example.org>",
        "Feedback-ID: job.done:none:eventcenter:mail.example.org",
        "MIME-Version: 1.0",
        "From: EventCenter <no-reply@example.org>",
        "To: Anna <anna@example.org>",
    ] {
        assert!(headers.contains(&line.to_owned()), "{line} is missing in {headers:#?}");
    }
}

#[test]
fn nothing_a_person_or_producer_says_makes_a_header() {
    let name = "Anna \"B\" <evil@example.net>, x\r\nBcc: evil@example.net\r\n\r\nbody";
    for title in
        ["a\r\nBcc: evil@example.net", "a\nBcc: evil@example.net", "=?utf-8?q?a=0d=0aBcc:_x?=", "щ\r\n\r\nbody"]
    {
        let event = Event { title: title.to_owned(), ..fixtures::event() };
        let recipient = Recipient { name: Some(name.to_owned()), ..fixtures::recipient() };
        let mail = composed(&event, &recipient);

        let names: Vec<String> = headers(&mail).iter().map(|line| line.split(':').next().unwrap().to_owned()).collect();
        let expected = [
            "From",
            "To",
            "Subject",
            "Message-ID",
            "Date",
            "Auto-Submitted",
            "List-Id",
            "Feedback-ID",
            "MIME-Version",
            "Content-Type",
        ];
        assert_eq!(names, expected, "{mail}");
        let to = headers(&mail).into_iter().find(|line| line.starts_with("To:")).unwrap();
        assert!(to.ends_with(" <anna@example.org>"), "{to}");
    }
}

#[test]
fn all_of_it_is_ascii_in_short_lines_of_crlf() {
    for body in ["щ".repeat(8 * 1024), "x".repeat(16 * 1024), "a\n.\nb\r\nc".to_owned()] {
        let mail = composed(&Event { body, ..fixtures::event() }, &fixtures::recipient());

        assert!(mail.is_ascii());
        for line in mail.split("\r\n") {
            assert!(line.len() <= 998, "{} characters", line.len());
            assert!(!line.contains(['\r', '\n']), "{line:?}");
        }
    }
}

#[test]
fn what_was_scheduled_is_dated_by_its_day() {
    let event = Event { deliver_at: Some("2026-12-24T18:00:00Z".parse().unwrap()), ..fixtures::event() };

    assert!(composed(&event, &fixtures::recipient()).contains("Date: Thu, 24 Dec 2026 18:00:00 +0000\r\n"));
}

#[test]
fn mails_of_one_conversation_are_one_thread_and_each_person_s_own() {
    let thread = |event: &Event| {
        let headers = headers(&composed(event, &fixtures::recipient()));
        let value = |name: &str| headers.iter().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        let references = value("References: ");
        assert_eq!(references, value("In-Reply-To: "));
        references
    };
    let about = |data: &str| Event {
        data: Some(serde_json::value::RawValue::from_string(data.to_owned()).unwrap()),
        ..fixtures::event()
    };
    let first = about(r#"{"conversation_id": "c-7\r\nBcc: x"}"#);
    let second = Event { id: EventId::parse("evt_01a20692a88e72f1824ea4cc05cff2e2").unwrap(), ..first.clone() };
    let somebody_else_s = Event { user_id: UserId::from_row(43), ..first.clone() };

    assert!(thread(&first).unwrap().ends_with("@mail.example.org>"));
    assert_eq!(thread(&first), thread(&second));
    assert_ne!(thread(&first), thread(&somebody_else_s));
    assert_eq!(thread(&fixtures::event()), None);
}

#[test]
fn a_mail_from_a_list_says_how_to_leave_it_at_once() {
    let from: Mailbox = "no-reply@example.org".parse().unwrap();
    let (event, to) = (fixtures::event(), mailbox(&fixtures::recipient()).unwrap());
    let url = format!("https://ec.example.org/unsubscribe/{}", "t".repeat(120));
    let envelope = Envelope {
        from: &from,
        domain: "mail.example.org",
        to: &to,
        event: &event,
        facts: &Facts::of(&event),
        unsubscribe: Some(&url),
    };
    let content = Content { subject: String::new(), text: String::new(), html: String::new() };
    let mail = String::from_utf8(compose(envelope, content).unwrap()).unwrap();

    assert!(headers(&mail).contains(&format!("List-Unsubscribe: <{url}>")), "{mail}");
    assert!(headers(&mail).contains(&"List-Unsubscribe-Post: List-Unsubscribe=One-Click".to_owned()), "{mail}");
}
