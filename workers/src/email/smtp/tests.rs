use eventcenter_core::delivery::{Fault, OnAmbiguous, Outcome};
use futures_util::future::join_all;

use super::script::{CLOSE, Deviations, HANG, PIPELINING, Server};
use super::*;
use crate::email::reply::Phase;

mod pipelining;

const CONTENT: &str = "Subject: x\r\n\r\n.a\r\n..\r\nb\r\n";
const CONVERSATION: [&str; 5] = [
    "EHLO mail.example.org",
    "EHLO mail.example.org",
    "MAIL FROM:<no-reply@example.org>",
    "RCPT TO:<anna@example.org>",
    "DATA",
];

const PLAIN: &[Deviations] = &[&[]];
const AT_ONCE: &[Deviations] = &[&[PIPELINING]];

fn parcel() -> Parcel {
    Parcel {
        sender: "no-reply@example.org".parse().unwrap(),
        recipient: "anna@example.org".parse().unwrap(),
        content: CONTENT.into(),
    }
}

fn client(url: &str, limit: Duration) -> Smtp {
    let timeouts = Timeouts { connect: limit, hello: limit, command: limit, content: limit };
    Smtp::with_timeouts(SmtpConfig::parse(url).unwrap(), "mail.example.org", timeouts).unwrap()
}

async fn served(scripts: &'static [Deviations]) -> (Server, Smtp) {
    let server = Server::start(scripts).await;
    let smtp = client(&format!("smtp://127.0.0.1:{}?tls=none", server.port), Duration::from_secs(10));
    (server, smtp)
}

async fn send(smtp: &Smtp) -> Result<String, Failure> {
    smtp.send(&parcel(), Instant::now() + Duration::from_secs(20)).await
}

async fn outcome(smtp: &Smtp) -> Outcome {
    send(smtp).await.map_or_else(|failure| failure.outcome(OnAmbiguous::Retry), |_| Outcome::Sent)
}

const fn retry(fault: Fault) -> Outcome {
    Outcome::Retry { fault, after: None }
}

#[tokio::test]
async fn a_mail_arrives_as_it_was_written() {
    let (server, smtp) = served(&[&[(".", "250-2.0.0 Ok\r\n250 2.0.0 queued as 4F2")]]).await;

    assert_eq!(send(&smtp).await, Ok("250 2.0.0 Ok 2.0.0 queued as 4F2".to_owned()));
    assert_eq!(server.log().mails, [CONTENT]);
    assert_eq!(server.log().commands, CONVERSATION);
}

#[tokio::test]
async fn a_connection_carries_the_next_mail_too() {
    for scripts in [PLAIN, AT_ONCE] {
        let (server, smtp) = served(scripts).await;

        for _ in 0..3 {
            assert_eq!(outcome(&smtp).await, Outcome::Sent);
        }
        assert_eq!((server.log().connections, server.log().mails.len()), (1, 3));
    }
}

#[tokio::test]
async fn a_connection_is_closed_after_its_last_mail() {
    let (server, smtp) = served(&[&[]]).await;

    for _ in 0..=MAILS_PER_CONNECTION {
        assert_eq!(outcome(&smtp).await, Outcome::Sent);
    }
    assert_eq!(server.log().connections, 2);
    assert!(server.log().commands.contains(&"QUIT".to_owned()));
}

#[tokio::test]
async fn a_connection_that_was_idle_for_too_long_is_not_used() {
    let (server, smtp) = served(&[&[]]).await;

    assert_eq!(outcome(&smtp).await, Outcome::Sent);
    smtp.idle()[0].used_at -= IDLE_MAX;
    assert_eq!(outcome(&smtp).await, Outcome::Sent);
    assert_eq!(server.log().connections, 2);
}

#[tokio::test]
async fn every_refusal_is_told_by_its_phase_and_ends_its_connection() {
    let table: [(&'static [Deviations], Outcome); 8] = [
        (&[&[("greeting", "554 no service")], &[]], retry(Fault::ProviderError)),
        (&[&[("MAIL", "550 5.7.1 not your address")], &[]], retry(Fault::Misconfigured)),
        (&[&[PIPELINING, ("MAIL", "550 5.7.1 not your address")], &[]], retry(Fault::Misconfigured)),
        (&[&[("RCPT", "450 4.2.1 busy")], &[]], retry(Fault::ProviderError)),
        (&[&[("DATA", "451 4.3.0 try again")], &[]], retry(Fault::ProviderError)),
        (&[&[PIPELINING, ("DATA", "451 4.3.0 try again")], &[]], retry(Fault::ProviderError)),
        (&[&[(".", "451 4.3.0 try again")], &[]], retry(Fault::ProviderError)),
        (&[&[(".", "421 4.7.0 slow down")], &[]], retry(Fault::Throttled)),
    ];
    for (scripts, expected) in table {
        let (server, smtp) = served(scripts).await;

        assert_eq!(outcome(&smtp).await, expected, "{:?}", scripts[0]);
        assert_eq!(outcome(&smtp).await, Outcome::Sent);
        assert_eq!(server.log().connections, 2, "{:?}", scripts[0]);
    }
}

#[tokio::test]
async fn a_refused_recipient_is_forgotten_and_the_connection_goes_on() {
    const REFUSED: (&str, &str) = ("RCPT", "550 5.1.1 no such user");
    let table: [&'static [Deviations]; 2] =
        [&[&[REFUSED]], &[&[PIPELINING, REFUSED, ("DATA", "554 5.5.1 no valid recipients")]]];
    for scripts in table {
        let (server, smtp) = served(scripts).await;

        for _ in 0..3 {
            assert_eq!(outcome(&smtp).await, Outcome::Failed(Fault::NoSuchAddress));
        }

        let log = server.log();
        assert_eq!((log.connections, log.commands.iter().filter(|command| *command == "RSET").count()), (1, 3));
        assert_eq!(log.mails, [""; 0]);
    }
}

#[tokio::test]
async fn a_server_that_cannot_forget_a_recipient_loses_its_connection() {
    let (server, smtp) =
        served(&[&[("RCPT", "550 5.1.1 no such user"), ("RSET", "421 4.7.0 too many errors|close")], &[]]).await;

    assert_eq!(outcome(&smtp).await, Outcome::Failed(Fault::NoSuchAddress));
    assert_eq!(outcome(&smtp).await, Outcome::Sent);
    assert_eq!(server.log().connections, 2);
}

#[tokio::test]
async fn a_connection_is_closed_when_it_is_old() {
    let (server, smtp) = served(&[&[]]).await;

    assert_eq!(outcome(&smtp).await, Outcome::Sent);
    smtp.idle()[0].opened_at -= AGE_MAX;
    assert_eq!(outcome(&smtp).await, Outcome::Sent);
    assert_eq!(outcome(&smtp).await, Outcome::Sent);
    assert_eq!(server.log().connections, 2);
}

#[tokio::test]
async fn no_mail_is_begun_without_the_time_to_end_it() {
    for scripts in [PLAIN, AT_ONCE] {
        let (server, smtp) = served(scripts).await;

        let late = smtp.send(&parcel(), Instant::now() + Duration::from_secs(9)).await;

        assert_eq!(late, Err(Failure::Timeout(Phase::Whole)));
        assert!(!server.log().commands.contains(&"DATA".to_owned()));
    }
}

#[tokio::test]
async fn tls_that_fails_sends_nothing() {
    const OFFERS: (&str, &str) = ("EHLO", "250-script\r\n250 STARTTLS");
    let table: [&'static [Deviations]; 3] = [
        &[&[OFFERS, ("STARTTLS", "220 go|close")]],
        &[&[OFFERS, ("STARTTLS", "220 go\r\nthis is no TLS")]],
        &[&[OFFERS, ("STARTTLS", "454 4.7.0 not available")]],
    ];
    for script in table {
        let server = Server::start(script).await;
        let smtp = client(&format!("smtp://anna:secret@127.0.0.1:{}", server.port), Duration::from_secs(10));

        let outcome = outcome(&smtp).await;

        assert!(
            matches!(outcome, Outcome::Retry { fault: Fault::Unreachable | Fault::ProviderError, .. }),
            "{outcome:?}"
        );
        let commands = server.log().commands;
        assert!(!commands.iter().any(|line| line.starts_with("AUTH") || line.starts_with("MAIL")), "{commands:?}");
    }
}

#[tokio::test]
async fn a_server_that_falls_silent_is_given_up_in_every_phase() {
    let table: [(&'static [Deviations], Phase); 9] = [
        (&[&[("greeting", HANG)]], Phase::Hello),
        (&[&[("EHLO", HANG)]], Phase::Hello),
        (&[&[("MAIL", HANG)]], Phase::Sender),
        (&[&[("RCPT", HANG)]], Phase::Recipient),
        (&[&[("DATA", HANG)]], Phase::Data),
        (&[&[PIPELINING, ("MAIL", HANG)]], Phase::Sender),
        (&[&[PIPELINING, ("RCPT", HANG)]], Phase::Recipient),
        (&[&[PIPELINING, ("DATA", HANG)]], Phase::Data),
        (&[&[(".", HANG)]], Phase::Content),
    ];
    join_all(table.map(|(scripts, phase)| async move {
        let server = Server::start(scripts).await;
        let smtp = client(&format!("smtp://127.0.0.1:{}?tls=none", server.port), Duration::from_millis(500));

        assert_eq!(send(&smtp).await, Err(Failure::Timeout(phase)));
        assert!(smtp.idle().is_empty(), "a connection in the middle of {phase} was kept");
    }))
    .await;
}

#[tokio::test]
async fn a_cancelled_mail_takes_its_connection_along() {
    let (server, smtp) = served(&[&[(".", HANG)], &[]]).await;

    tokio::select! {
        settled = outcome(&smtp) => panic!("it should hang, but came to {settled:?}"),
        () = server.has_mails(1) => {}
    }
    assert_eq!(outcome(&smtp).await, Outcome::Sent);
    assert_eq!(server.log().connections, 2);
}

#[tokio::test]
async fn an_idle_connection_that_the_server_closed_costs_no_try() {
    let scripts: [&'static [Deviations]; 2] =
        [&[&[(".", "250 2.0.0 Ok|close")], &[]], &[&[("MAIL", "421 4.4.2 idle for too long|close")], &[]]];
    for (scripts, first) in scripts.into_iter().zip([Outcome::Sent, retry(Fault::Throttled)]) {
        let (server, smtp) = served(scripts).await;

        assert_eq!(outcome(&smtp).await, first);
        assert_eq!(outcome(&smtp).await, Outcome::Sent);
        assert_eq!(server.log().connections, 2);
    }
}

#[tokio::test]
async fn a_reply_lost_after_the_final_dot_is_ambiguous_and_tried_again_byte_by_byte() {
    let (server, smtp) = served(&[&[(".", CLOSE)], &[]]).await;

    assert_eq!(outcome(&smtp).await, retry(Fault::Ambiguous));
    assert_eq!(outcome(&smtp).await, Outcome::Sent);
    assert_eq!(server.log().mails, [CONTENT, CONTENT]);
}

#[tokio::test]
async fn many_mails_at_once_share_a_few_connections() {
    let (server, smtp) = served(&[&[]]).await;

    let outcomes = join_all((0..CONNECTIONS * 8).map(|_| outcome(&smtp))).await;

    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Sent));
    assert_eq!((server.log().most_open, server.log().connections), (CONNECTIONS, CONNECTIONS));
}

#[tokio::test]
async fn wrong_credentials_fail_no_mail() {
    let server = Server::start(&[&[("AUTH", "535 5.7.8 bad credentials")]]).await;
    let url = format!("smtp://anna:secret@127.0.0.1:{}?tls=none", server.port);
    let smtp = client(&url, Duration::from_secs(10));

    assert_eq!(outcome(&smtp).await, retry(Fault::Misconfigured));
    assert_eq!(
        smtp.check(Instant::now() + Duration::from_secs(20)).await.unwrap_err().to_string(),
        "535 5.7.8 bad credentials"
    );
    assert_eq!(server.log().commands[2], "AUTH PLAIN AGFubmEAc2VjcmV0");
}

#[tokio::test]
async fn a_server_without_starttls_gets_neither_password_nor_mail() {
    let server = Server::start(&[&[]]).await;
    let smtp = client(&format!("smtp://anna:secret@127.0.0.1:{}", server.port), Duration::from_secs(10));

    assert_eq!(outcome(&smtp).await, retry(Fault::Misconfigured));
    assert_eq!(server.log().commands, ["EHLO mail.example.org"]);
}

#[tokio::test]
async fn a_server_that_is_away_is_unreachable() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);

    for url in [format!("smtp://127.0.0.1:{port}?tls=none"), format!("smtps://127.0.0.1:{port}")] {
        assert_eq!(outcome(&client(&url, Duration::from_secs(10))).await, retry(Fault::Unreachable), "{url}");
    }
}
