//! Reading a report on a mail: delivery status notifications (RFC 3464) and complaints (RFC 5965).

use mail_parser::{Message, MessageParser, MessagePart, MimeHeaders};

/// What a report says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) finding: Finding,
    /// In the other side's words.
    pub(super) detail: String,
}

/// What a report means for the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// It takes no mail, and will take none.
    Permanent,
    /// Nothing: it may take the next one.
    Transient,
    /// Its owner does not want this kind of mail.
    Complaint,
}

impl Report {
    /// `None` for whatever is no report, an answer of somebody on vacation for one.
    pub(super) fn read(raw: &[u8]) -> Option<Self> {
        let message = MessageParser::default().parse(raw)?;
        message.parts.iter().find_map(|part| match part_type(part)?.as_str() {
            "message/delivery-status" | "message/global-delivery-status" => read_status(part),
            "message/feedback-report" => read_feedback(part),
            _ => None,
        })
    }
}

fn part_type(part: &MessagePart<'_>) -> Option<String> {
    let kind = part.content_type()?;
    Some(format!("{}/{}", kind.ctype(), kind.subtype()?).to_ascii_lowercase())
}

/// The groups of fields of a part, each behind a blank line (RFC 3464, section 2.1).
fn groups(part: &MessagePart<'_>) -> Vec<String> {
    let text = String::from_utf8_lossy(part.contents()).replace("\r\n", "\n");
    text.split("\n\n").map(|group| format!("{}\n\n", group.trim_matches('\n'))).collect()
}

/// A field's value on one line, without its comment.
fn field(group: &Message<'_>, name: &str) -> Option<String> {
    let value = group.header_raw(name)?;
    Some(value.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// A mail of ours has one recipient, so any failed one is it.
fn read_status(part: &MessagePart<'_>) -> Option<Report> {
    let groups = groups(part);
    let recipients = groups.iter().filter_map(|group| MessageParser::default().parse_headers(group.as_bytes()));
    let read: Vec<Report> = recipients
        .filter_map(|group| {
            let (action, status) = (field(&group, "Action")?, field(&group, "Status")?);
            let diagnostic = field(&group, "Diagnostic-Code").unwrap_or_default();
            let is_lasting = action.eq_ignore_ascii_case("failed") && is_about_the_address(&status, &diagnostic);
            let finding = if is_lasting { Finding::Permanent } else { Finding::Transient };
            Some(Report { finding, detail: format!("{status} {diagnostic}").trim().to_owned() })
        })
        .collect();
    let lasting = read.iter().find(|report| report.finding == Finding::Permanent);
    lasting.or(read.first()).cloned()
}

fn read_feedback(part: &MessagePart<'_>) -> Option<Report> {
    let fields = groups(part).into_iter().next()?;
    let fields = MessageParser::default().parse_headers(fields.as_bytes())?;
    let kind = field(&fields, "Feedback-Type")?;
    // The other types say that a mail passed for genuine or not, and not that somebody complained.
    let finding = if kind.eq_ignore_ascii_case("abuse") { Finding::Complaint } else { Finding::Transient };
    Some(Report { finding, detail: format!("feedback: {kind}") })
}

/// Whether a status (RFC 3463) says that mail to this address will never arrive. A full mailbox may be emptied; what
/// concerns the other system, the protocol, the content or somebody's policy says more about the mail than about the
/// address. A server that has no better status than 5.0.0 often says more in its diagnostic.
fn is_about_the_address(status: &str, diagnostic: &str) -> bool {
    match enhanced_code(status) {
        Some((5, 0, 0)) => enhanced_code(diagnostic).is_none_or(is_lasting),
        Some(code) => is_lasting(code),
        None => false,
    }
}

const fn is_lasting(code: (u16, u16, u16)) -> bool {
    matches!(code, (5, 0 | 1 | 4, _) | (5, 2, 0 | 1 | 4))
}

/// The first word that is one: class, subject and detail.
fn enhanced_code(text: &str) -> Option<(u16, u16, u16)> {
    text.split(|c: char| !c.is_ascii_digit() && c != '.').find_map(|word| {
        let mut numbers = word.split('.').map(|number| number.parse().ok());
        let code = (numbers.next()??, numbers.next()??, numbers.next()??);
        (numbers.next().is_none() && matches!(code.0, 2 | 4 | 5)).then_some(code)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Postfix, Exim and others write them.
    fn dsn(fields: &str) -> String {
        format!(
            "From: MAILER-DAEMON@mx.example.net\r\nTo: bounce@example.org\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\r\n\r\n\
             --b\r\nContent-Type: text/plain\r\n\r\nI'm sorry.\r\n\r\nStatus: 5.1.1\r\n\
             --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.net\r\n\r\n{fields}\r\n\
             --b\r\nContent-Type: message/rfc822\r\n\r\nSubject: ours\r\n\r\nbody\r\n--b--\r\n"
        )
    }

    fn finding(fields: &str) -> Option<Finding> {
        Report::read(dsn(fields).as_bytes()).map(|report| report.finding)
    }

    fn failed(status: &str, diagnostic: &str) -> Option<Finding> {
        finding(&format!(
            "Final-Recipient: rfc822; a@b.c\r\nAction: failed\r\nStatus: {status}\r\nDiagnostic-Code: {diagnostic}\r\n"
        ))
    }

    #[test]
    fn only_what_lasts_and_is_about_the_address_counts() {
        for (status, diagnostic) in [
            ("5.1.1", "smtp; 550 5.1.1 unknown"),
            ("5.1.1 (bad destination mailbox address)", ""),
            ("5.0.0", "smtp; 550 No such user"),
            ("5.0.0", "smtp; 550-5.1.1 The email account\r\n that you tried to reach does not exist"),
            ("5.2.1", "smtp; 550 disabled"),
            ("5.4.4", "no such domain"),
        ] {
            assert_eq!(failed(status, diagnostic), Some(Finding::Permanent), "{status} {diagnostic}");
        }
        for (status, diagnostic) in [
            ("4.4.7", "smtp; 450 expired"),
            ("5.2.2", "smtp; 552 mailbox full"),
            ("5.7.1", "smtp; 550 blocked by policy"),
            ("5.0.0", "smtp; 550 5.7.26 unauthenticated, from 192.0.2.1"),
            ("5.6.0", "content"),
            ("what?", "smtp; 550"),
        ] {
            assert_eq!(failed(status, diagnostic), Some(Finding::Transient), "{status} {diagnostic}");
        }
        assert_eq!(
            finding("Final-Recipient: rfc822; a@b.c\r\nAction: delayed\r\nStatus: 5.1.1\r\n"),
            Some(Finding::Transient)
        );
    }

    #[test]
    fn one_lasting_failure_among_others_is_found_with_its_words() {
        let fields = "Action: delayed\r\nStatus: 4.2.0\r\n\r\nAction: Failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp;\r\n 550 no\r\n";

        let report = Report::read(dsn(fields).as_bytes()).unwrap();

        assert_eq!((report.finding, report.detail.as_str()), (Finding::Permanent, "5.1.1 smtp; 550 no"));
    }

    #[test]
    fn a_complaint_is_one_and_other_feedback_is_not() {
        let feedback = |kind: &str| {
            let raw = dsn("").replace("message/delivery-status", "message/feedback-report");
            let raw =
                raw.replace("Reporting-MTA: dns; mx.example.net", &format!("Feedback-Type: {kind}\r\nVersion: 1"));
            Report::read(raw.as_bytes()).map(|report| report.finding)
        };

        assert_eq!(feedback("abuse"), Some(Finding::Complaint));
        assert_eq!(feedback("not-spam"), Some(Finding::Transient));
    }

    #[test]
    fn what_is_no_report_is_none() {
        let vacation =
            "From: a@b.c\r\nSubject: Away\r\nAuto-Submitted: auto-replied\r\n\r\nAction: failed\r\nStatus: 5.1.1\r\n";
        for raw in
            [vacation, "", "\0", "Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n", &dsn("Status: 5.1.1\r\n")]
        {
            assert_eq!(Report::read(raw.as_bytes()), None, "{raw}");
        }
    }
}
