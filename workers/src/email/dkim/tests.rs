use super::*;

/// The test key of RFC 8463, section A.2, as PKCS #8.
const ED25519: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";

const MESSAGE: &str = "From: Joe <joe@football.example.com>\r\nSubject: Is\r\n  dinner\t ready?\r\n\r\nHi.  \r\n\r\nWe  lost.\t\r\n\r\n\r\n";

fn signer() -> DkimSigner {
    DkimSigner::new("football.example.com", "brisbane", ED25519).unwrap()
}

#[test]
fn the_same_message_has_the_same_signature() {
    assert_eq!(signer().sign(MESSAGE), signer().sign(MESSAGE));
}

#[test]
fn every_header_is_signed_and_the_important_ones_cannot_be_added() {
    let field = signer().sign(MESSAGE).unwrap();

    assert!(
        field.starts_with("DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n d=football.example.com;\r\n")
    );
    let names = field.replace("\r\n  ", "");
    assert!(names.contains("h=from:subject:from:to:subject:date;"), "{field}");
    assert!(field.ends_with("\r\n") && field.lines().all(|line| line.len() <= 78), "{field}");
}

#[test]
fn white_space_that_relays_change_does_not_matter() {
    let body_hash = |body: &str| relaxed_body(body);

    assert_eq!(body_hash("Hi.  \r\n\r\nWe  lost.\t\r\n\r\n\r\n"), "Hi.\r\n\r\nWe lost.\r\n");
    assert_eq!(body_hash(" a\t \tb\r\n"), " a b\r\n");
    assert_eq!((body_hash("\r\n\r\n"), body_hash("")), (String::new(), String::new()));
    assert_eq!(relaxed("SubJect ", " Is\r\n  dinner\t ready? "), "subject:Is dinner ready?");
}

#[test]
fn a_key_or_name_that_cannot_be_used_is_refused_and_never_shown() {
    let new = |domain, selector, pem| DkimSigner::new(domain, selector, pem).map(drop);

    for pem in ["", "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"] {
        assert_eq!(new("example.org", "s", pem), Err(InvalidDkim::Key), "{pem}");
    }
    for (domain, selector) in [("", "s"), ("example.org", ""), ("example.org; x=y", "s"), ("example.org", "a\r\nb")] {
        assert_eq!(new(domain, selector, ED25519), Err(InvalidDkim::Name), "{domain} {selector}");
    }
    assert!(!format!("{:?}", signer()).contains("MC4C"));
}
