//! From content to the bytes of a message (RFC 5322, MIME), the same at every attempt.

use std::time::SystemTime;

use aws_lc_rs::digest::{SHA256, digest};
use eventcenter_core::event::Event;
use lettre::error::Error;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, MultiPartKind, SinglePart};

use super::facts::Facts;
use super::render::Content;

#[cfg(test)]
mod tests;

/// Who writes to whom, and about what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Envelope<'a> {
    pub(super) from: &'a Mailbox,
    /// The domain of Message-IDs and lists.
    pub(super) domain: &'a str,
    pub(super) to: &'a Mailbox,
    pub(super) event: &'a Event,
    pub(super) facts: &'a Facts,
    /// Takes a POST that unsubscribes at once (RFC 8058).
    pub(super) unsubscribe: Option<&'a str>,
}

/// A message as the server gets it. Nothing in it depends on the attempt or the clock: Message-ID, Date and MIME
/// boundary come from the event, so that whoever gets it twice can tell, and a retry is byte-identical.
///
/// All of it is ASCII, in lines of CRLF: lettre encodes headers by RFC 2047 and parts by base64 or quoted-printable.
pub(super) fn compose(envelope: Envelope<'_>, content: Content) -> Result<Vec<u8>, Error> {
    let Envelope { from, domain, to, event, facts, unsubscribe } = envelope;
    let id = event.id.uuid();
    let parts = MultiPart::builder()
        .kind(MultiPartKind::Alternative)
        .boundary(format!("=_{}", id.simple()))
        .singlepart(part(ContentType::TEXT_PLAIN, content.text))
        .singlepart(part(ContentType::TEXT_HTML, content.html));
    // What was scheduled is new on its day, not on the day when it was written.
    let date = event.deliver_at.map_or(event.created_at, |due| due.max(event.created_at));
    let mut message = lettre::Message::builder()
        .from(from.clone())
        .to(to.clone())
        .subject(content.subject)
        .message_id(Some(format!("<{id}.email@{domain}>")))
        .date(SystemTime::from(date))
        // Keeps vacation responders quiet (RFC 3834, section 5).
        .raw_header(field("Auto-Submitted", "auto-generated"))
        .raw_header(field("List-Id", &format!("<{}.eventcenter.{domain}>", label(&event.kind))))
        .raw_header(field("Feedback-ID", &feedback_id(event, facts, domain)));
    if let Some(conversation) = facts.conversation(event) {
        let root = thread_root(event, &conversation, domain);
        message = message.in_reply_to(root.clone()).references(root);
    }
    if let Some(url) = unsubscribe {
        message = message
            .raw_header(field("List-Unsubscribe", &format!("<{url}>")))
            .raw_header(field("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"));
    }
    Ok(message.multipart(parts)?.formatted())
}

fn part(kind: ContentType, text: String) -> SinglePart {
    SinglePart::builder().header(kind).body(text)
}

fn field(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// A type as labels of a domain name (RFC 2919): `.a..b` has an empty one.
fn label(kind: &str) -> String {
    kind.split('.').filter(|label| !label.is_empty()).collect::<Vec<_>>().join(".")
}

/// By which Gmail's Postmaster Tools tell complaints apart: three fields of ours, and then who sends.
fn feedback_id(event: &Event, facts: &Facts, domain: &str) -> String {
    format!("{}:{}:eventcenter:{domain}", event.kind, facts.service().unwrap_or("none"))
}

/// The Message-ID that a conversation's mails answer to. It was never sent: programs thread by the reference alone.
/// The person is hashed in, so that what two people have in common stays between them.
fn thread_root(event: &Event, conversation: &str, domain: &str) -> String {
    let hash = digest(&SHA256, format!("{} {conversation}", event.user_id).as_bytes());
    let half = hash.as_ref().first_chunk().map_or(0, |half| u128::from_be_bytes(*half));
    format!("<thread.{half:032x}@{domain}>")
}
