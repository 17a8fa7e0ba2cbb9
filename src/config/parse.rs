//! Readers of single values. Their errors follow clap's own words: "invalid value 'x' for '--flag': …".

use std::net::SocketAddr;
use std::time::Duration;

use jiff::{Span, SpanRelativeTo};
use url::Url;

use crate::auth::{InvalidOrigin, Origins, TOKEN_LIFE_MAX};

/// Reads `25ms`, `1h30m`, `7 days`: jiff's friendly format, or ISO 8601.
pub fn duration(text: &str) -> Result<Duration, String> {
    text.parse::<Span>()
        .and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()))
        .ok()
        .and_then(|duration| Duration::try_from(duration).ok())
        .ok_or_else(|| "a length of time looks like 25ms, 90s, 1h30m or 7d".to_owned())
}

/// Like [`duration`], from 1 ms to 1 s.
pub(super) fn look_interval(text: &str) -> Result<Duration, String> {
    let interval = duration(text)?;
    if (Duration::from_millis(1)..=Duration::from_secs(1)).contains(&interval) {
        Ok(interval)
    } else {
        Err("must be from 1ms to 1s".to_owned())
    }
}

/// Like [`duration`], from 1 s to 60 s.
pub(super) fn ping_interval(text: &str) -> Result<Duration, String> {
    let interval = duration(text)?;
    if (Duration::from_secs(1)..=Duration::from_mins(1)).contains(&interval) {
        Ok(interval)
    } else {
        Err("must be from 1s to 60s".to_owned())
    }
}

/// Like [`duration`], from 1 minute to 30 days.
pub(super) fn token_life(text: &str) -> Result<Duration, String> {
    let life = duration(text)?;
    if (Duration::from_mins(1)..=TOKEN_LIFE_MAX).contains(&life) {
        Ok(life)
    } else {
        Err("must be from 1m to 30d".to_owned())
    }
}

/// Reads an http(s) URL without user, query or fragment, since paths are resolved against it.
pub(super) fn site(text: &str) -> Result<Url, String> {
    Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .filter(|url| url.username().is_empty() && url.password().is_none())
        .filter(|url| url.query().is_none() && url.fragment().is_none())
        .ok_or_else(|| "must be http(s)://host, without user, query or fragment".to_owned())
}

/// Reads a web origin exactly as browsers send it: anything else would never match.
pub(super) fn origin(text: &str) -> Result<String, InvalidOrigin> {
    Origins::parse(&[text]).map(|_| text.to_owned())
}

/// Reads a cookie's name: a token of RFC 6265 §4.1.1, as far as anybody uses it.
pub(super) fn cookie_name(text: &str) -> Result<String, String> {
    if !text.is_empty() && text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b)) {
        Ok(text.to_owned())
    } else {
        Err("must be 1 to 64 letters, digits, _, - and .".to_owned())
    }
}

/// Reads `push.example.org=192.0.2.7:443`.
pub(super) fn host_address(text: &str) -> Result<(String, SocketAddr), String> {
    let read = |(host, address): (&str, &str)| Some((host.to_ascii_lowercase(), address.parse().ok()?));
    text.split_once('=')
        .filter(|(host, _)| !host.is_empty())
        .and_then(read)
        .ok_or_else(|| "must be HOST=ADDRESS:PORT, as in push.example.org=192.0.2.7:443".to_owned())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_host_has_an_address_and_a_port() {
        let read = host_address("Push.example.org=127.0.0.1:8443");

        assert_eq!(read, Ok(("push.example.org".to_owned(), ([127, 0, 0, 1], 8443).into())));
        for wrong in ["push.example.org", "=127.0.0.1:8443", "push.example.org=127.0.0.1", "push.example.org=there:1"] {
            assert!(host_address(wrong).is_err(), "{wrong}");
        }
    }

    use super::*;

    #[test]
    fn lengths_of_time_are_read_as_people_write_them() {
        assert_eq!(duration("25ms"), Ok(Duration::from_millis(25)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_mins(90)));
        assert_eq!(duration("7d"), Ok(Duration::from_hours(7 * 24)));
        for wrong in ["", "25", "-1h", "soon", "1 month"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        assert!(look_interval("0ms").is_err() && look_interval("2s").is_err());
    }

    #[test]
    fn a_site_has_nothing_behind_its_path() {
        assert_eq!(site("https://example.org/shop/").unwrap().as_str(), "https://example.org/shop/");
        for wrong in [
            "example.org",
            "ftp://example.org",
            "https://a:b@example.org",
            "https://example.org?x",
            "https://example.org#x",
        ] {
            assert!(site(wrong).is_err(), "{wrong}");
        }
    }
}
