use super::*;
use crate::email::reply::Phase;
use crate::email::smtp::Timeouts;
use crate::email::smtp::script::{CLOSE, Deviations, HANG, Server as Script};

const SOON: Duration = Duration::from_secs(10);

fn parcel() -> Parcel {
    Parcel {
        sender: "no-reply@example.org".parse().unwrap(),
        recipient: "anna@example.org".parse().unwrap(),
        content: b"Subject: x\r\n\r\ny\r\n".to_vec(),
    }
}

fn client(server: &Script, command: Duration) -> Smtp {
    let config = SmtpConfig::parse(&format!("smtp://anna:secret@127.0.0.1:{}?tls=none", server.port)).unwrap();
    let timeouts = Timeouts { connect: SOON, hello: command, command, content: command };
    Smtp::with_timeouts(config, "mail.example.org", timeouts).unwrap()
}

/// A relay over a server of this script, and one that takes everything.
async fn two(first: &'static [Deviations]) -> (Script, Script, Relay) {
    let (first, second) = (Script::start(first).await, Script::start(&[&[]]).await);
    let relay = Relay::of(vec![client(&first, SOON), client(&second, SOON)], Duration::ZERO);
    (first, second, relay)
}

async fn outcome(relay: &Relay) -> Outcome {
    relay.send(&parcel(), OnAmbiguous::Retry).await.0
}

const fn retry(fault: Fault) -> Outcome {
    Outcome::Retry { fault, after: None }
}

/// As if its rest were over.
fn wake(relay: &Relay) {
    for server in &relay.servers {
        if let Some(rest) = server.rest().as_mut() {
            rest.until = Instant::now();
        }
    }
}

#[tokio::test]
async fn the_fall_back_takes_over_while_the_first_server_cannot() {
    let table: [&'static [Deviations]; 6] = [
        &[&[("greeting", "554 no service")]],
        &[&[("greeting", CLOSE)]],
        &[&[("EHLO", "421 4.3.2 shutting down")]],
        &[&[("AUTH", "535 5.7.8 bad credentials")]],
        &[&[("MAIL", "550 5.7.1 not your address")]],
        &[&[("DATA", "421 4.3.2 shutting down|close")]],
    ];
    for script in table {
        let (first, second, relay) = two(script).await;

        assert_eq!((outcome(&relay).await, outcome(&relay).await), (Outcome::Sent, Outcome::Sent), "{:?}", script[0]);

        assert_eq!(
            (first.log().connections, second.log().mails.len()),
            (1, 2),
            "{:?}: it was not left alone",
            script[0]
        );
    }
}

#[tokio::test]
async fn the_first_server_is_asked_again_after_its_rest() {
    let (first, second, relay) = two(&[&[("greeting", "421 4.3.2 starting")], &[]]).await;

    assert_eq!(outcome(&relay).await, Outcome::Sent);
    wake(&relay);
    assert_eq!(outcome(&relay).await, Outcome::Sent);

    assert_eq!((first.log().mails.len(), second.log().mails.len()), (1, 1));
}

#[tokio::test]
async fn what_concerns_the_mail_is_not_carried_to_the_fall_back() {
    let table: [(&'static [Deviations], Outcome); 5] = [
        (&[&[("RCPT", "550 5.1.1 no such user")]], Outcome::Failed(Fault::NoSuchAddress)),
        (&[&[(".", "554 5.7.1 spam")]], Outcome::Failed(Fault::Refused)),
        (&[&[("RCPT", "450 4.7.1 greylisted")]], retry(Fault::Throttled)),
        (&[&[(".", CLOSE)]], retry(Fault::Ambiguous)),
        (&[&[("DATA", "354 Go ahead|close")]], retry(Fault::Ambiguous)),
    ];
    for (script, expected) in table {
        let (_first, second, relay) = two(script).await;

        assert_eq!(outcome(&relay).await, expected, "{:?}", script[0]);
        assert_eq!(second.log().connections, 0, "{:?}", script[0]);
    }
}

#[tokio::test]
async fn a_lost_last_reply_follows_the_type_s_policy() {
    let server = Script::start(&[&[(".", CLOSE)]]).await;
    let relay = Relay::of(vec![client(&server, SOON)], Duration::ZERO);

    let settled = relay.send(&parcel(), OnAmbiguous::Settle).await;

    assert_eq!(settled, (Outcome::Failed(Fault::Ambiguous), "the final dot: incomplete response".to_owned()));
}

#[tokio::test]
async fn refused_credentials_pause_the_channel_and_fail_nobody() {
    let server = Script::start(&[&[("AUTH", "535 5.7.8 bad credentials")], &[]]).await;
    let relay = Relay::of(vec![client(&server, SOON)], Duration::ZERO);

    for _ in 0..3 {
        assert_eq!(outcome(&relay).await, retry(Fault::Misconfigured));
    }
    assert_eq!(server.log().connections, 1, "the channel was not paused");

    wake(&relay);
    assert_eq!((outcome(&relay).await, outcome(&relay).await), (Outcome::Sent, Outcome::Sent));
}

#[tokio::test]
async fn a_mail_waits_for_a_server_whose_rest_ends_soon() {
    let server = Script::start(&[&[("greeting", "421 4.3.2 starting")], &[]]).await;
    let relay = Relay::of(vec![client(&server, SOON)], HOLD_MAX);

    assert_eq!(outcome(&relay).await, retry(Fault::Throttled));
    assert_eq!(outcome(&relay).await, Outcome::Sent, "it should have waited for {:?}", TROUBLE.0);
}

#[tokio::test]
async fn a_storm_of_421_costs_one_connection_a_rest_and_no_mail() {
    let server = Script::start(&[&[("greeting", "421 4.3.2 busy|close")]]).await;
    let relay = Relay::of(vec![client(&server, SOON)], Duration::ZERO);

    for _ in 0..50 {
        assert_eq!(outcome(&relay).await, retry(Fault::Throttled));
    }
    assert_eq!(server.log().connections, 1);
    let first = relay.servers[0].rest().as_ref().unwrap().lasts;
    wake(&relay);
    assert_eq!(outcome(&relay).await, retry(Fault::Throttled));
    assert_eq!(relay.servers[0].rest().as_ref().unwrap().lasts, first * 2);
}

#[tokio::test]
async fn a_domain_that_asks_for_patience_is_asked_once() {
    let server = Script::start(&[&[(".", "421 4.7.0 slow down")], &[]]).await;
    let relay = Relay::of(vec![client(&server, SOON)], Duration::ZERO);

    assert_eq!(outcome(&relay).await, retry(Fault::Throttled));
    let (deferred, words) = relay.send(&parcel(), OnAmbiguous::Retry).await;
    let other = Parcel { recipient: "anna@example.net".parse().unwrap(), ..parcel() };

    assert!(matches!(deferred, Outcome::Retry { fault: Fault::Throttled, after: Some(_) }), "{deferred:?}");
    assert_eq!(words, "not tried: example.org asked for patience");
    assert_eq!(relay.send(&other, OnAmbiguous::Retry).await.0, Outcome::Sent);
    assert_eq!(server.log().connections, 2);
}

#[tokio::test]
async fn silence_before_the_last_dot_is_known_to_have_sent_nothing() {
    let table: [(&'static [Deviations], Fault); 5] = [
        (&[&[("greeting", HANG)]], Fault::Timeout),
        (&[&[("MAIL", HANG)]], Fault::Timeout),
        (&[&[("RCPT", HANG)]], Fault::Timeout),
        (&[&[("DATA", HANG)]], Fault::Timeout),
        (&[&[(".", HANG)]], Fault::Ambiguous),
    ];
    for (script, fault) in table {
        let server = Script::start(script).await;
        let relay = Relay::of(vec![client(&server, Duration::from_millis(300))], Duration::ZERO);

        assert_eq!(outcome(&relay).await, retry(fault), "{:?}", script[0]);
    }
    assert_eq!(Failure::Timeout(Phase::Content).concerns(), Concern::Unknown);
}
