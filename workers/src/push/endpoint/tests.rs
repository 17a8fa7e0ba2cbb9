use super::EndpointPolicy::{KnownServices, Loopback, PublicHosts};
use super::*;

fn service(text: &str, policy: EndpointPolicy) -> Result<PushService, String> {
    Endpoint::parse(text, policy).map(|endpoint| endpoint.service).map_err(|error| format!("{error:?}"))
}

#[test]
fn the_browsers_own_push_services_are_known() {
    for (endpoint, expected) in [
        ("https://fcm.googleapis.com/fcm/send/abc:def", PushService::Google),
        ("https://jmt17.google.com/fcm/send/abc", PushService::Google),
        ("https://updates.push.services.mozilla.com/wpush/v2/abc", PushService::Mozilla),
        ("https://web.push.apple.com/abc", PushService::Apple),
        ("https://wns2-db5p.notify.windows.com/w/?token=BQ%2b", PushService::Microsoft),
    ] {
        for policy in [KnownServices, PublicHosts, Loopback] {
            assert_eq!(service(endpoint, policy), Ok(expected), "{endpoint}");
        }
    }
}

#[test]
fn a_name_that_only_looks_known_is_not() {
    for endpoint in [
        "https://fcm.googleapis.com.evil.example/x",
        "https://evilfcm.googleapis.com/x",
        "https://evilpush.apple.com/x",
        "https://push.apple.com.evil.example/x",
        "https://evil.example/https://fcm.googleapis.com/",
        "https://evil.example#.push.apple.com",
    ] {
        assert_eq!(service(endpoint, KnownServices), Err("UnknownService".to_owned()), "{endpoint}");
    }
}

#[test]
fn an_ip_address_is_refused_in_every_notation() {
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "017700000001",
        "127.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "8.8.8.8",
        "１２７.0.0.1",
    ] {
        for policy in [KnownServices, PublicHosts] {
            assert_eq!(service(&format!("https://{host}/x"), policy), Err("IpAddress".to_owned()), "{host}");
        }
    }
}

#[test]
fn only_plain_https_urls_are_endpoints() {
    for (endpoint, expected) in [
        ("/relative", "NotAUrl(RelativeUrlWithoutBase)"),
        ("foo", "NotAUrl(RelativeUrlWithoutBase)"),
        ("", "NotAUrl(RelativeUrlWithoutBase)"),
        ("https://", "NotAUrl(EmptyHost)"),
        ("http://fcm.googleapis.com/x", "NotHttps"),
        ("file:///etc/passwd", "NotHttps"),
        ("https://user@fcm.googleapis.com/x", "UserInfo"),
        ("https://:secret@fcm.googleapis.com/x", "UserInfo"),
        ("https://fcm.googleapis.com:8443/x", "Port"),
        ("https://localhost/x", "LocalName"),
        ("https://localhost./x", "LocalName"),
        ("https://db/x", "LocalName"),
    ] {
        assert_eq!(service(endpoint, PublicHosts), Err(expected.to_owned()), "{endpoint}");
    }
}

#[test]
fn an_endpoint_has_at_most_2_kib_in_normal_form() {
    let of = |path: String| service(&format!("https://fcm.googleapis.com/{path}"), KnownServices);

    assert_eq!(of("x".repeat(2021)), Ok(PushService::Google));
    assert_eq!(of("x".repeat(2022)), Err("TooLong".to_owned()));
    assert_eq!(of("я".repeat(1000)), Err("TooLong".to_owned()));
}

#[test]
fn loopback_needs_its_own_policy() {
    for endpoint in ["https://localhost:8443/x", "https://127.0.0.1:8443/x", "https://[::1]:8443/x"] {
        assert_eq!(service(endpoint, Loopback), Ok(PushService::Other));
        assert!(service(endpoint, PublicHosts).is_err());
        assert!(service(endpoint, KnownServices).is_err());
    }
    assert_eq!(service("https://10.0.0.1/x", Loopback), Err("IpAddress".to_owned()));
    assert_eq!(service("https://push.example/x", Loopback), Err("UnknownService".to_owned()));
}

#[test]
fn one_endpoint_has_one_spelling_and_is_not_shown_whole() {
    let endpoint = Endpoint::parse("HTTPS://FCM.googleapis.com:443/send/Secret#x", KnownServices).unwrap();

    assert_eq!(endpoint.as_str(), "https://fcm.googleapis.com/send/Secret");
    assert_eq!(endpoint.origin(), "https://fcm.googleapis.com");
    assert_eq!(format!("{endpoint:?}"), "Endpoint(https://fcm.googleapis.com/…)");
}

#[test]
fn the_origin_names_a_port_that_is_not_443() {
    let endpoint = Endpoint::parse("https://localhost:8443/x", Loopback).unwrap();

    assert_eq!(endpoint.origin(), "https://localhost:8443");
}
