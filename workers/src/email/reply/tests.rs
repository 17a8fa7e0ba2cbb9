use super::*;

fn reply(phase: Phase, reply: &str) -> Outcome {
    let (code, text) = reply.split_once(' ').unwrap();
    Failure::Reply { phase, code: code.parse().unwrap(), text: text.to_owned() }.outcome(OnAmbiguous::Retry)
}

#[test]
fn every_reply_has_its_outcome() {
    let refused = Outcome::Failed(Fault::Refused);
    let no_such_address = Outcome::Failed(Fault::NoSuchAddress);
    let too_large = Outcome::Failed(Fault::TooLarge);
    let table = [
        (Phase::Hello, "554 no SMTP service here", retry(Fault::ProviderError)),
        (Phase::Hello, "421 4.3.2 shutting down", retry(Fault::Throttled)),
        (Phase::Hello, "454 4.3.0 TLS not available", retry(Fault::ProviderError)),
        (Phase::Auth, "535 5.7.8 bad credentials", retry(Fault::Misconfigured)),
        (Phase::Auth, "504 5.5.4 unknown mechanism", retry(Fault::Misconfigured)),
        (Phase::Auth, "454 4.7.0 try later", retry(Fault::ProviderError)),
        (Phase::Sender, "530 5.7.0 authenticate first", retry(Fault::Misconfigured)),
        (Phase::Sender, "553 5.7.1 not your address", retry(Fault::Misconfigured)),
        (Phase::Sender, "452 4.3.1 disk full", retry(Fault::ProviderError)),
        (Phase::Recipient, "550 5.1.1 no such user", no_such_address),
        (Phase::Recipient, "550 5.1.10 no such user", no_such_address),
        (Phase::Recipient, "550 5.1.2 no such domain", no_such_address),
        (Phase::Recipient, "550 5.2.1 mailbox disabled", no_such_address),
        (Phase::Recipient, "550 5.1.8 bad sender", refused),
        (Phase::Recipient, "550 5.7.1 not wanted", refused),
        (Phase::Recipient, "552 5.2.2 mailbox full", refused),
        (Phase::Recipient, "550 no such user", refused),
        (Phase::Recipient, "450 4.2.1 mailbox busy", retry(Fault::ProviderError)),
        (Phase::Recipient, "450 4.7.1 greylisted", retry(Fault::Throttled)),
        (Phase::Recipient, "530 5.7.0 authenticate first", retry(Fault::Misconfigured)),
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
fn silence_and_broken_lines_are_tried_again_unless_nobody_knows_and_the_type_says_no() {
    let broken = |phase| Failure::Broken { phase, detail: String::new() };

    for policy in [OnAmbiguous::Retry, OnAmbiguous::Settle] {
        assert_eq!(Failure::Timeout(Phase::Sender).outcome(policy), retry(Fault::Timeout));
        assert_eq!(Failure::Timeout(Phase::Whole).outcome(policy), retry(Fault::Timeout));
        assert_eq!(broken(Phase::Data).outcome(policy), retry(Fault::Unreachable));
        let unsupported = Failure::Unsupported { phase: Phase::Hello, detail: String::new() };
        assert_eq!(unsupported.outcome(policy), retry(Fault::Misconfigured));
    }
    for lost in [broken(Phase::Content), Failure::Timeout(Phase::Content)] {
        assert_eq!(lost.outcome(OnAmbiguous::Retry), retry(Fault::Ambiguous));
        assert_eq!(lost.outcome(OnAmbiguous::Settle), Outcome::Failed(Fault::Ambiguous));
    }
}

#[test]
fn a_failure_concerns_the_server_us_a_domain_or_the_mail() {
    let said = |phase, code, text: &str| Failure::Reply { phase, code, text: text.to_owned() }.concerns();
    let broken = |phase| Failure::Broken { phase, detail: String::new() }.concerns();

    assert_eq!(said(Phase::Hello, 554, "no service"), Concern::Server);
    assert_eq!(said(Phase::Sender, 452, "4.3.1 disk full"), Concern::Server);
    assert_eq!(said(Phase::Recipient, 421, "4.3.2 shutting down"), Concern::Server);
    assert_eq!(said(Phase::Auth, 535, "5.7.8 no"), Concern::Settings);
    assert_eq!(said(Phase::Recipient, 530, "5.7.0 authenticate first"), Concern::Settings);
    assert_eq!(said(Phase::Sender, 553, "5.7.1 not your address"), Concern::Settings);
    assert_eq!(said(Phase::Recipient, 450, "4.7.1 greylisted"), Concern::Domain);
    assert_eq!(said(Phase::Content, 421, "4.7.0 slow down"), Concern::Domain);
    assert_eq!(said(Phase::Recipient, 550, "5.1.1 nobody"), Concern::Mail);
    assert_eq!(said(Phase::Content, 451, "4.3.0 try again"), Concern::Mail);
    assert_eq!((broken(Phase::Connect), broken(Phase::Content)), (Concern::Server, Concern::Unknown));
    assert_eq!(Failure::Timeout(Phase::Recipient).concerns(), Concern::Mail);
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
