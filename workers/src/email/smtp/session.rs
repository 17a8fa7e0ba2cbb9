//! One conversation with the server, phase by phase, none of them without a time limit.

use std::fmt;
use std::io;
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::Mechanism;
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Ehlo, Mail, Quit, Rcpt, Rset};
use lettre::transport::smtp::extension::ClientId;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::SmtpConfig;
use super::config::Security;
use super::wire::ImplicitTls;
use crate::email::reply::{Failure, Phase, accepted};

/// How long each step may take; then the connection is dropped and the delivery retried. RFC 5321 (section 4.5.3.2)
/// allows minutes, which suits a relay to the world more than our own provider; the price of giving up sooner is a
/// second copy when the server did take the mail.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    /// Name lookup and TCP.
    pub(crate) connect: Duration,
    /// TLS, greeting, EHLO, STARTTLS and AUTH together.
    pub(crate) hello: Duration,
    /// MAIL, RCPT, DATA and RSET, each.
    pub(crate) command: Duration,
    /// The content, to the reply after the final dot. It is not begun when less time than this is left.
    pub(crate) content: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let s = Duration::from_secs;
        Self { connect: s(4), hello: s(6), command: s(5), content: s(12) }
    }
}

/// A mail with its envelope: one recipient, so that a refusal concerns nobody else.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// Where refusals go.
    pub sender: Address,
    /// To whom.
    pub recipient: Address,
    /// ASCII, in lines of CRLF.
    pub content: Vec<u8>,
}

/// A [`Security`] with what it needs.
pub(super) enum Encryption {
    Implicit(ImplicitTls),
    StartTls(TlsParameters),
    None,
}

impl Encryption {
    /// Reads the system's root certificates, if it needs them.
    pub(super) fn new(config: &SmtpConfig) -> Result<Self, InvalidTls> {
        Ok(match config.security {
            Security::Implicit => Self::Implicit(ImplicitTls::new(&config.host).ok_or(InvalidTls::Host)?),
            Security::StartTls => Self::StartTls(TlsParameters::new(config.host.clone())?),
            Security::Plain => Self::None,
        })
    }
}

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum InvalidTls {
    /// No certificate can bear this name.
    #[error("the SMTP host is no name that a certificate can bear")]
    Host,
    /// The system's TLS is of no use.
    #[error(transparent)]
    System(#[from] Error),
}

/// A connection that has said hello. After any failure but a refused recipient it is in an unknown state and must be
/// dropped.
pub(super) struct Session {
    connection: AsyncSmtpConnection,
    /// Whether the server takes MAIL, RCPT and DATA at once (RFC 2920).
    pipelines: bool,
    /// Whether the server goes ahead with a mail that nobody is to get: there is nothing to say to it any more.
    awaits_content: bool,
    /// How many mails it has carried.
    pub(super) carried: u32,
    /// When it was made.
    pub(super) opened_at: Instant,
    /// When it was last used.
    pub(super) used_at: Instant,
}

impl Session {
    /// Connects, encrypts as configured, and authenticates, before `by`.
    pub(super) async fn open(
        config: &SmtpConfig,
        encryption: &Encryption,
        name: &ClientId,
        timeouts: &Timeouts,
        by: Instant,
    ) -> Result<Self, Failure> {
        let opened_at = Instant::now();
        let connect_by = by.min(opened_at + timeouts.connect);
        let stream = dial((config.host.as_str(), config.port), connect_by).await?;
        let hello_by = by.min(Instant::now() + timeouts.hello);
        let mut connection = match encryption {
            Encryption::Implicit(tls) => {
                let wire = timed(Phase::Hello, hello_by, tls.over(stream)).await?;
                let greet = AsyncSmtpConnection::connect_with_transport(Box::new(wire), name);
                step(Phase::Hello, hello_by, greet).await?
            }
            Encryption::StartTls(_) | Encryption::None => {
                let greet = AsyncSmtpConnection::connect_with_transport(Box::new(stream), name);
                step(Phase::Hello, hello_by, greet).await?
            }
        };
        if let Encryption::StartTls(tls) = encryption {
            step(Phase::Hello, hello_by, connection.starttls(tls.clone(), name)).await?;
        }
        let pipelines = offers_pipelining(&mut connection, name, hello_by).await?;
        if let Some(credentials) = &config.credentials {
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            step(Phase::Auth, hello_by, connection.auth(&mechanisms, credentials)).await?;
        }
        Ok(Self { connection, pipelines, awaits_content: false, carried: 0, opened_at, used_at: Instant::now() })
    }

    /// Hands over one mail before `by`; returns the server's words. Drives the commands itself, because lettre's `send`
    /// does not say which of them was refused, and writes a mail's last line apart from its body.
    pub(super) async fn send(&mut self, parcel: &Parcel, timeouts: &Timeouts, by: Instant) -> Result<String, Failure> {
        let mail = Mail::new(Some(parcel.sender.clone()), Vec::new());
        let rcpt = Rcpt::new(parcel.recipient.clone(), Vec::new());
        let limits = Limits { timeouts, by };
        if self.pipelines {
            self.begin_at_once(&mail, &rcpt, limits).await?;
        } else {
            self.begin(mail, rcpt, limits).await?;
        }
        limits.leave_time_for_content()?;
        let content = self.connection.command(Transparent(&parcel.content));
        let reply = step(Phase::Content, limits.of(timeouts.content), content).await?;
        self.carried += 1;
        self.used_at = Instant::now();
        Ok(accepted(&reply))
    }

    async fn begin(&mut self, mail: Mail, rcpt: Rcpt, limits: Limits<'_>) -> Result<(), Failure> {
        let connection = &mut self.connection;
        step(Phase::Sender, limits.of_command(), connection.command(mail)).await?;
        step(Phase::Recipient, limits.of_command(), connection.command(rcpt)).await?;
        limits.leave_time_for_content()?;
        step(Phase::Data, limits.of_command(), connection.command(Data)).await.map(drop)
    }

    /// In one packet: a mail then costs two round trips instead of four. Each command still has its own reply.
    async fn begin_at_once(&mut self, mail: &Mail, rcpt: &Rcpt, limits: Limits<'_>) -> Result<(), Failure> {
        limits.leave_time_for_content()?;
        let connection = &mut self.connection;
        step(Phase::Sender, limits.of_command(), connection.command(format!("{mail}{rcpt}{Data}"))).await?;
        let known = step(Phase::Recipient, limits.of_command(), connection.read_response()).await;
        if known.as_ref().is_err_and(|failure| !failure.leaves_a_connection()) {
            return known.map(drop);
        }
        let ahead = step(Phase::Data, limits.of_command(), connection.read_response()).await;
        // Without a recipient it should refuse; it need not (RFC 2920, section 3.1).
        self.awaits_content = known.is_err() && ahead.is_ok();
        known.and(ahead).map(drop)
    }

    /// Forgets a refused recipient, so that the connection can carry the next mail.
    pub(super) async fn reset(&mut self, timeouts: &Timeouts) -> Result<(), Failure> {
        if self.awaits_content {
            return Err(Failure::Broken { phase: Phase::Data, detail: "it waits for a mail to nobody".to_owned() });
        }
        let by = Instant::now() + timeouts.command;
        step(Phase::Sender, by, self.connection.command(Rset)).await?;
        self.used_at = Instant::now();
        Ok(())
    }

    /// Takes leave, for the server's log; what it answers does not matter.
    pub(super) async fn quit(mut self, timeouts: &Timeouts) {
        let by = Instant::now() + timeouts.command;
        step(Phase::Whole, by, self.connection.command(Quit)).await.ok();
    }
}

/// What is left for each step of one mail.
#[derive(Clone, Copy)]
struct Limits<'a> {
    timeouts: &'a Timeouts,
    by: Instant,
}

impl Limits<'_> {
    fn of(&self, limit: Duration) -> Instant {
        self.by.min(Instant::now() + limit)
    }

    fn of_command(&self) -> Instant {
        self.of(self.timeouts.command)
    }

    /// A mail that cannot be ended in time is not begun: nobody would know whether it was taken.
    fn leave_time_for_content(&self) -> Result<(), Failure> {
        if Instant::now() + self.timeouts.content > self.by {
            return Err(Failure::Timeout(Phase::Whole));
        }
        Ok(())
    }
}

/// Asks once more what the server can do, since lettre keeps only the answers that it knows itself. A connection carries
/// many mails.
async fn offers_pipelining(
    connection: &mut AsyncSmtpConnection,
    name: &ClientId,
    by: Instant,
) -> Result<bool, Failure> {
    let offers = step(Phase::Hello, by, connection.command(Ehlo::new(name.clone()))).await?;
    Ok(offers.message().any(|line| line.eq_ignore_ascii_case("PIPELINING")))
}

async fn dial(address: (&str, u16), by: Instant) -> Result<TcpStream, Failure> {
    timed(Phase::Connect, by, async {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    })
    .await
}

async fn timed<T>(phase: Phase, by: Instant, turn: impl Future<Output = io::Result<T>>) -> Result<T, Failure> {
    match timeout_at(by, turn).await {
        Ok(result) => result.map_err(|error| Failure::Broken { phase, detail: error.to_string() }),
        Err(_elapsed) => Err(Failure::Timeout(phase)),
    }
}

async fn step<T>(phase: Phase, by: Instant, turn: impl Future<Output = Result<T, Error>>) -> Result<T, Failure> {
    match timeout_at(by, turn).await {
        Ok(result) => result.map_err(|error| Failure::of(phase, &error)),
        Err(_elapsed) => Err(Failure::Timeout(phase)),
    }
}

/// A mail's content as DATA wants it: leading dots doubled, a lone dot at the end (RFC 5321, section 4.5.2).
struct Transparent<'a>(&'a [u8]);

impl fmt::Display for Transparent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let content = String::from_utf8_lossy(self.0);
        for line in content.split_inclusive("\r\n") {
            f.write_str(if line.starts_with('.') { "." } else { "" })?;
            f.write_str(line)?;
        }
        f.write_str(if content.ends_with("\r\n") { ".\r\n" } else { "\r\n.\r\n" })
    }
}

#[cfg(test)]
mod tests {
    use super::Transparent;

    #[test]
    fn no_line_of_a_mail_ends_it_early() {
        let sent = |content: &str| Transparent(content.as_bytes()).to_string();

        assert_eq!(sent("a\r\n.\r\n..b\r\nc.\r\n"), "a\r\n..\r\n...b\r\nc.\r\n.\r\n");
        assert_eq!(sent(".a"), "..a\r\n.\r\n");
    }
}
