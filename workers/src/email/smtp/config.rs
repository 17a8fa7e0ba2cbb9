//! The SMTP server's URL: one setting that says all.

use lettre::transport::smtp::authentication::Credentials;
use percent_encoding::percent_decode_str;
use thiserror::Error;
use url::{Host, Url};

/// How to reach the SMTP server. Its Debug shows neither user nor password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpConfig {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: Security,
    pub(super) credentials: Option<Credentials>,
}

/// What protects the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Security {
    /// TLS from the first byte (RFC 8314).
    Implicit,
    /// An upgrade by STARTTLS; a server without it is refused.
    StartTls,
    /// Nothing.
    Plain,
}

/// What is wrong with an SMTP URL. It never repeats the URL, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidSmtpUrl {
    /// Not a URL, or without a host.
    #[error("must look like smtp://user:password@host:587, with special characters percent-encoded")]
    Malformed,
    /// Neither of the two schemes.
    #[error("must begin with smtp:// (STARTTLS) or smtps:// (TLS from the first byte)")]
    Scheme,
    /// `?tls=` with another value, or another parameter, a path or a fragment.
    #[error("may end only in ?tls=required (the default) or, with smtp://, in ?tls=none")]
    Parameter,
    /// A user without a password, or the other way round.
    #[error("must name both user and password, or neither")]
    Credentials,
    /// A password that everyone on the way could read.
    #[error("must not send a password without TLS: leave out ?tls=none, or the user and password")]
    ClearPassword,
}

impl SmtpConfig {
    /// Reads `smtp://user:password@host:587` (STARTTLS, required) or `smtps://…:465` (implicit TLS); the ports shown
    /// are the defaults. `smtp://localhost:25?tls=none` speaks in the clear, with credentials only to this machine.
    pub fn parse(text: &str) -> Result<Self, InvalidSmtpUrl> {
        let Ok(url) = Url::parse(text) else {
            return Err(InvalidSmtpUrl::Malformed);
        };
        let has_rest = !matches!(url.path(), "" | "/") || url.fragment().is_some();
        let security = match (url.scheme(), url.query()) {
            ("smtp" | "smtps", _) if has_rest => return Err(InvalidSmtpUrl::Parameter),
            ("smtp", None | Some("tls=required")) => Security::StartTls,
            ("smtp", Some("tls=none")) => Security::Plain,
            ("smtps", None | Some("tls=required")) => Security::Implicit,
            ("smtp" | "smtps", Some(_)) => return Err(InvalidSmtpUrl::Parameter),
            _ => return Err(InvalidSmtpUrl::Scheme),
        };
        let host = match url.host() {
            Some(Host::Domain(name)) if !name.is_empty() => name.to_owned(),
            Some(Host::Ipv4(ip)) => ip.to_string(),
            Some(Host::Ipv6(ip)) => ip.to_string(),
            Some(Host::Domain(_)) | None => return Err(InvalidSmtpUrl::Malformed),
        };
        let credentials = credentials(&url)?;
        if credentials.is_some() && security == Security::Plain && !is_this_machine(&host) {
            return Err(InvalidSmtpUrl::ClearPassword);
        }
        Ok(Self { host, port: url.port().unwrap_or(security.port()), security, credentials })
    }
}

impl Security {
    /// Submission by RFC 6409 and RFC 8314, relay by RFC 5321.
    const fn port(self) -> u16 {
        match self {
            Self::Implicit => 465,
            Self::StartTls => 587,
            Self::Plain => 25,
        }
    }
}

fn credentials(url: &Url) -> Result<Option<Credentials>, InvalidSmtpUrl> {
    let decoded = |text| percent_decode_str(text).decode_utf8().map(String::from).ok();
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        ("", Some(_)) | (_, None) => Err(InvalidSmtpUrl::Credentials),
        (user, Some(password)) => {
            let (user, password) = decoded(user).zip(decoded(password)).ok_or(InvalidSmtpUrl::Malformed)?;
            Ok(Some(Credentials::new(user, password)))
        }
    }
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_decides_tls_and_port() {
        let of = |url: &str| SmtpConfig::parse(url).map(|config| (config.security, config.port)).unwrap();

        assert_eq!(of("smtp://mail.example.org"), (Security::StartTls, 587));
        assert_eq!(of("smtp://mail.example.org:2525/?tls=required"), (Security::StartTls, 2525));
        assert_eq!(of("smtps://mail.example.org"), (Security::Implicit, 465));
        assert_eq!(of("smtp://127.0.0.1?tls=none"), (Security::Plain, 25));
    }

    #[test]
    fn user_and_password_are_percent_decoded() {
        let config = SmtpConfig::parse("smtps://anna%40example.org:p%2Fa+s%3As@mail.example.org").unwrap();

        assert_eq!(config.credentials, Some(Credentials::new("anna@example.org".to_owned(), "p/a+s:s".to_owned())));
    }

    #[test]
    fn debug_output_keeps_the_password() {
        let config = SmtpConfig::parse("smtps://anna:hunter2@mail.example.org").unwrap();

        assert!(!format!("{config:?}").contains("hunter2"));
    }

    #[test]
    fn a_password_stays_off_a_clear_line() {
        let parse = SmtpConfig::parse;

        assert_eq!(parse("smtp://a:b@mail.example.org?tls=none"), Err(InvalidSmtpUrl::ClearPassword));
        for this_machine in ["localhost", "127.0.0.1", "[::1]"] {
            assert!(parse(&format!("smtp://a:b@{this_machine}?tls=none")).is_ok(), "{this_machine}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_by_name() {
        for (url, fault) in [
            ("mail.example.org", InvalidSmtpUrl::Malformed),
            ("smtp://", InvalidSmtpUrl::Malformed),
            ("smtp:mail.example.org", InvalidSmtpUrl::Parameter),
            ("smtp://a:%FF@mail.example.org", InvalidSmtpUrl::Malformed),
            ("https://mail.example.org", InvalidSmtpUrl::Scheme),
            ("smtps://mail.example.org?tls=none", InvalidSmtpUrl::Parameter),
            ("smtp://mail.example.org?tls=maybe", InvalidSmtpUrl::Parameter),
            ("smtp://mail.example.org/path", InvalidSmtpUrl::Parameter),
            ("smtp://anna@mail.example.org", InvalidSmtpUrl::Credentials),
            ("smtp://:secret@mail.example.org", InvalidSmtpUrl::Credentials),
        ] {
            assert_eq!(SmtpConfig::parse(url), Err(fault), "{url}");
        }
    }
}
