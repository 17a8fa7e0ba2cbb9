use super::*;

fn reply(phase: Phase, reply: &str) -> Outcome {
    let (code, text) = reply.split_once(' ').unwrap();
    Failure::Reply { phase, code: code.parse().unwrap(), text: text.to_owned() }.outcome()
}

#[test]
fn every_reply_has_its_outcome() {
    let refused = Outcome::Failed(Fault::Refused);
    let too_large = Outcome::Failed(Fault::TooLarge);
    let table = [
        (Phase::Hello, "554 no SMTP service here", retry(Fault::ProviderError)),
        (Phase::Hello, "421 4.3.2 shutting down", retry(Fault::Throttled)),
        (Phase::Hello, "454 4.3.0 TLS not available", retry(Fault::ProviderError)),
        (Phase::Auth, "535 5.7.8 bad credentials", retry(Fault::Unauthorized)),
        (Phase::Auth, "504 5.5.4 unknown mechanism", retry(Fault::Unauthorized)),
        (Phase::Auth, "454 4.7.0 try later", retry(Fault::Throttled)),
        (Phase::Sender, "530 5.7.0 authenticate first", retry(Fault::Unauthorized)),
        (Phase::Sender, "553 5.7.1 not your address", retry(Fault::Unauthorized)),
        (Phase::Sender, "452 4.3.1 disk full", retry(Fault::ProviderError)),
        (Phase::Recipient, "550 5.1.1 no such user", refused),
        (Phase::Recipient, "550 no such user", refused),
        (Phase::Recipient, "450 4.2.1 mailbox busy", retry(Fault::ProviderError)),
        (Phase::Recipient, "450 4.7.1 greylisted", retry(Fault::Throttled)),
        (Phase::Recipient, "530 5.7.0 authenticate first", retry(Fault::Unauthorized)),
        (Phase::Data, "554 5.5.1 no valid recipients", refused),
        (Phase::Content, "554 5.7.1 spam", refused),
        (Phase::Content, "552 5.3.4 too big", too_large),
        (Phase::Content, "552 5.2.2 mailbox full", refused),
        (Phase::Content, "451 4.3.0 try again", retry(Fault::ProviderError)),
        (Phase::Content, "421 4.7.0 slow down", retry(Fault::Throttled)),
    ];
    for (phase, said, outcome) in table {
        assert_eq!(reply(phase, said), outcome, "{said} at {phase}");
    }
}

#[test]
fn silence_and_broken_lines_are_tried_again() {
    let phase = Phase::Content;
    let detail = String::new();

    assert_eq!(Failure::Timeout(phase).outcome(), retry(Fault::Timeout));
    assert_eq!(Failure::Broken { phase, detail: detail.clone() }.outcome(), retry(Fault::Unreachable));
    assert_eq!(Failure::Unsupported { phase, detail }.outcome(), retry(Fault::Unauthorized));
}

#[test]
fn only_a_line_that_broke_before_any_mail_is_stale() {
    let broken = |phase| Failure::Broken { phase, detail: String::new() };
    let said = |code| Failure::Reply { phase: Phase::Sender, code, text: String::new() };

    assert!(broken(Phase::Sender).means_stale() && said(421).means_stale());
    assert!(!broken(Phase::Content).means_stale() && !said(451).means_stale());
    assert!(!Failure::Timeout(Phase::Sender).means_stale());
}

#[test]
fn a_kept_reply_is_short_one_line_and_names_nobody() {
    assert_eq!(presentable("550 5.1.1\r\n<anna@example.org>:\tunknown"), "550 5.1.1 <a…@example.org>: unknown");
    assert_eq!(presentable(&"щ".repeat(1000)).chars().count(), 200);
}

#[test]
fn an_enhanced_code_is_three_numbers_at_the_start() {
    assert_eq!(enhanced("5.1.10 no such user"), Some([5, 1, 10]));
    for other in ["", "no", "5.1 x", "10.0.0.1 refused", "v5.1.1"] {
        assert_eq!(enhanced(other), None, "{other}");
    }
}
