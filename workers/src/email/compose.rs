//! From content to the bytes of a message (RFC 5322, MIME), the same at every attempt.

use std::time::SystemTime;

use eventcenter_core::event::Event;
use lettre::error::Error;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, MultiPartKind, SinglePart};

use super::render::Content;

/// A mail to one person, before it is MIME.
#[derive(Debug)]
pub(super) struct OutgoingMail<'a> {
    /// Names and dates it.
    pub(super) event: &'a Event,
    pub(super) to: &'a Mailbox,
    /// Where one POST ends mail of its kind; `None` for what nobody can end.
    pub(super) unsubscribe_url: Option<String>,
    pub(super) content: Content,
}

/// A message as the server gets it. Nothing in it depends on the attempt or the clock: Message-ID, Date and MIME
/// boundary come from the event, so that whoever gets it twice can tell, and a retry is byte-identical.
///
/// All of it is ASCII, in lines of CRLF: lettre encodes headers by RFC 2047 and parts by base64 or quoted-printable.
pub(super) fn compose(from: &Mailbox, domain: &str, mail: OutgoingMail<'_>) -> Result<Vec<u8>, Error> {
    let OutgoingMail { event, to, unsubscribe_url, content } = mail;
    let id = event.id.uuid();
    let parts = MultiPart::builder()
        .kind(MultiPartKind::Alternative)
        .boundary(format!("=_{}", id.simple()))
        .singlepart(SinglePart::plain(content.text))
        .singlepart(SinglePart::html(content.html));
    let mut message = lettre::Message::builder()
        .from(from.clone())
        .to(to.clone())
        .subject(content.subject)
        .message_id(Some(format!("<{id}.email@{domain}>")))
        .date(SystemTime::from(event.created_at))
        .raw_header(auto_submitted());
    for header in unsubscribe_url.iter().flat_map(|url| unsubscribe(url)) {
        message = message.raw_header(header);
    }
    Ok(message.multipart(parts)?.formatted())
}

/// What mail programs show a button for: one click there is one POST to the URL (RFC 8058, section 3.1). The URL is
/// ours, one word of ASCII, which must not be folded or encoded.
fn unsubscribe(url: &str) -> [HeaderValue; 2] {
    let header = |name, value: String| {
        HeaderValue::dangerous_new_pre_encoded(HeaderName::new_from_ascii_str(name), value.clone(), value)
    };
    [
        header("List-Unsubscribe", format!("<{url}>")),
        header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()),
    ]
}

/// Keeps vacation responders quiet (RFC 3834, section 5).
fn auto_submitted() -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::email::address::mailbox;
    use crate::email::fixtures;
    use eventcenter_core::delivery::Recipient;

    const URL: &str = "https://notify.example.org/unsubscribe/abc";

    fn composed(event: &Event, recipient: &Recipient) -> String {
        let from = "EventCenter <no-reply@example.org>".parse().unwrap();
        let content = Content { subject: event.title.clone(), text: event.body.clone(), html: event.body.clone() };
        let to = mailbox(recipient).unwrap();
        let mail = OutgoingMail { event, to: &to, unsubscribe_url: Some(URL.to_owned()), content };
        String::from_utf8(compose(&from, "mail.example.org", mail).unwrap()).unwrap()
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
            "List-Unsubscribe: <https://notify.example.org/unsubscribe/abc>",
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
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

            let names: Vec<String> =
                headers(&mail).iter().map(|line| line.split(':').next().unwrap().to_owned()).collect();
            let expected = [
                "From",
                "To",
                "Subject",
                "Message-ID",
                "Date",
                "Auto-Submitted",
                "List-Unsubscribe",
                "List-Unsubscribe-Post",
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
}
