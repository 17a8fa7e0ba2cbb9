//! Mail addresses: from what is stored to what SMTP speaks, and to what may be shown.

use eventcenter_core::delivery::Recipient;
use lettre::Address;
use lettre::message::Mailbox;
use url::Host;

use super::text::one_line;

/// The recipient as a mailbox, or `None` when the stored address cannot be used.
///
/// An international domain becomes punycode. An international local part would need SMTPUTF8 (RFC 6531) of every
/// server on the way, so it is refused here, where the reason can still be seen.
pub(super) fn mailbox(recipient: &Recipient) -> Option<Mailbox> {
    let (user, domain) = recipient.email.rsplit_once('@')?;
    let is_safe = user.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>'));
    let domain = if domain.is_ascii() { domain.to_owned() } else { Host::parse(domain).ok()?.to_string() };
    let address = Address::new(user, domain).ok().filter(|_| is_safe)?;
    let name = recipient.name.as_deref().map(one_line).filter(|name| !name.is_empty());
    Some(Mailbox::new(name, address))
}

/// An address as attempts and logs may show it: `a…@example.org`.
pub fn shorten(address: &str) -> String {
    let (user, domain) = address.rsplit_once('@').map_or((address, None), |(user, domain)| (user, Some(domain)));
    let initial: String = user.chars().take(1).collect();
    domain.map_or_else(|| format!("{initial}…"), |domain| format!("{initial}…@{domain}"))
}

/// The same for every address in a text: servers like to repeat them in replies.
pub(super) fn shorten_all(text: &str) -> String {
    let is_edge = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '(' | ')' | '[' | ']' | ',' | ';' | ':' | '=');
    text.split_inclusive(is_edge)
        .map(|piece| {
            let word = piece.trim_end_matches(is_edge);
            let edge = piece.strip_prefix(word).unwrap_or_default();
            if word.contains('@') { shorten(word) + edge } else { piece.to_owned() }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::email::fixtures;

    fn usable(email: &str) -> Option<String> {
        let recipient = Recipient { email: email.to_owned(), ..fixtures::recipient() };
        mailbox(&recipient).map(|mailbox| mailbox.email.to_string())
    }

    #[test]
    fn a_shortened_address_names_nobody() {
        assert_eq!(shorten("anna@example.org"), "a…@example.org");
        assert_eq!(shorten("щука@example.org"), "щ…@example.org");
        assert_eq!(shorten("\"a@b\"@example.org"), "\"…@example.org");
        assert_eq!(shorten("anna"), "a…");
        assert_eq!(shorten(""), "…");
    }

    #[test]
    fn a_reply_repeats_no_address_whole() {
        assert_eq!(
            shorten_all("5.1.1 <anna.b+x@example.org>: unknown; mailto:anna@example.org rcpt=anna@example.org"),
            "5.1.1 <a…@example.org>: unknown; mailto:a…@example.org rcpt=a…@example.org"
        );
        assert_eq!(shorten_all("2.0.0 Ok: queued as 4F2"), "2.0.0 Ok: queued as 4F2");
    }

    #[test]
    fn an_international_domain_becomes_punycode() {
        assert_eq!(usable("anna@почта.рф").as_deref(), Some("anna@xn--80a1acny.xn--p1ai"));
        assert_eq!(usable("anna@example.org").as_deref(), Some("anna@example.org"));
    }

    #[test]
    fn an_address_that_smtp_cannot_say_is_refused() {
        for wrong in
            ["", "anna", "анна@example.org", "a b@example.org", "a\r\nRCPT TO:<b>@example.org", "a@", "@b.c", "a>@b.c"]
        {
            assert_eq!(usable(wrong), None, "{wrong:?}");
        }
    }
}
