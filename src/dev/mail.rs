//! The mail catcher: what would have been sent, newest first.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use eventcenter_core::id::EventId;
use mail_parser::{Address, Message, MessageParser};
use serde::Serialize;

/// Mails listed. Older ones are still in the directory.
const LISTED_MAX: usize = 100;

/// One line of the list.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    /// The file's name without its ending: an event's id.
    name: String,
    subject: String,
    to: String,
    /// RFC 3339.
    sent_at: Option<String>,
}

/// One mail, taken apart.
#[derive(Debug, Serialize)]
pub(super) struct Mail {
    #[serde(flatten)]
    summary: Summary,
    headers: String,
    text: Option<String>,
    has_html: bool,
}

/// The newest mails of a directory. One that is not there yet has none.
pub(super) async fn list(directory: &Path) -> io::Result<Vec<Summary>> {
    let mut entries = match tokio::fs::read_dir(directory).await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found: Vec<(SystemTime, EventId)> = Vec::new();
    while let Some(entry) = entries.next_entry().await? {
        let name = entry.file_name();
        let id = name.to_str().and_then(|name| name.strip_suffix(".eml")).and_then(EventId::parse);
        if let Some(id) = id {
            found.push((entry.metadata().await?.modified()?, id));
        }
    }
    found.sort_unstable_by(|one, two| two.cmp(one));
    let mut listed = Vec::new();
    for (_, id) in found.into_iter().take(LISTED_MAX) {
        let raw = tokio::fs::read(path(directory, id)).await?;
        listed.extend(MessageParser::default().parse(&raw).map(|message| summary(id, &message)));
    }
    Ok(listed)
}

/// One mail.
pub(super) async fn read(directory: &Path, id: EventId) -> io::Result<Option<Mail>> {
    let raw = tokio::fs::read(path(directory, id)).await?;
    Ok(MessageParser::default().parse(&raw).map(|message| {
        let body = raw.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(raw.len());
        Mail {
            summary: summary(id, &message),
            headers: String::from_utf8_lossy(raw.get(..body).unwrap_or_default()).into_owned(),
            text: message.body_text(0).map(Cow::into_owned),
            has_html: message.html_body_count() > 0,
        }
    }))
}

/// The part that a mail program would show.
pub(super) async fn html(directory: &Path, id: EventId) -> io::Result<Option<String>> {
    let raw = tokio::fs::read(path(directory, id)).await?;
    Ok(MessageParser::default().parse(&raw).and_then(|message| message.body_html(0).map(Cow::into_owned)))
}

/// An id is hex digits, so the path stays in the directory.
fn path(directory: &Path, id: EventId) -> PathBuf {
    directory.join(format!("{id}.eml"))
}

fn summary(id: EventId, message: &Message<'_>) -> Summary {
    Summary {
        name: id.to_string(),
        subject: message.subject().unwrap_or_default().to_owned(),
        to: message.to().and_then(Address::first).and_then(|to| to.address()).unwrap_or_default().to_owned(),
        sent_at: message.date().map(mail_parser::DateTime::to_rfc3339),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "evt_01a20692a88e72f1824ea4cc05cff2e1";
    const MAIL: &str = concat!(
        "From: dev@example.org\r\nTo: Anna <anna@example.org>\r\nSubject: =?utf-8?B?0JPQvtGC0L7QstC+?=\r\n",
        "MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=x\r\n\r\n",
        "--x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nPlain\r\n",
        "--x\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
        "<p style=3D\"color:red\">Rich</p>\r\n--x--\r\n",
    );

    #[tokio::test]
    async fn a_mail_is_shown_decoded_and_other_files_are_not() {
        let directory = std::env::temp_dir().join(format!("eventcenter-mail-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir(&directory).unwrap();
        std::fs::write(directory.join(format!("{NAME}.eml")), MAIL).unwrap();
        for other in [format!(".{NAME}.eml.draft"), "notes.eml".to_owned()] {
            std::fs::write(directory.join(other), MAIL).unwrap();
        }
        let id = EventId::parse(NAME).unwrap();

        let listed = list(&directory).await.unwrap();
        let mail = read(&directory, id).await.unwrap().unwrap();
        let html = html(&directory, id).await.unwrap().unwrap();
        std::fs::remove_dir_all(&directory).unwrap();

        assert_eq!(listed.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), [NAME]);
        assert_eq!((mail.summary.subject.as_str(), mail.summary.to.as_str()), ("Готово", "anna@example.org"));
        assert_eq!((mail.text.as_deref(), html.trim()), (Some("Plain"), "<p style=\"color:red\">Rich</p>"));
        assert!(mail.headers.ends_with("boundary=x"), "{}", mail.headers);
    }

    #[tokio::test]
    async fn a_directory_that_is_not_there_yet_has_no_mail() {
        let listed = list(Path::new("/nonexistent/eventcenter-mail")).await.unwrap();

        assert_eq!(listed.len(), 0);
    }
}
