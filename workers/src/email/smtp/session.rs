//! One conversation with the server, phase by phase, none of them without a time limit.

use std::fmt;
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::Mechanism;
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Quit, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::SmtpConfig;
use super::config::Security;
use crate::email::reply::{Failure, Phase, accepted};

/// How long each part may take; then the connection is dropped and the delivery retried. Together they are shorter
/// than a lease. RFC 5321 (section 4.5.3.2) allows minutes, which suits a relay to the world more than our own
/// provider; the price of giving up sooner is a second copy when the server did take the mail.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    /// Name lookup and TCP.
    pub(crate) connect: Duration,
    /// TLS, greeting, EHLO, STARTTLS and AUTH.
    pub(crate) hello: Duration,
    /// MAIL FROM to the reply after the final dot.
    pub(crate) transaction: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(4), hello: Duration::from_secs(6), transaction: Duration::from_secs(16) }
    }
}

/// A mail with its envelope: one recipient, so that a refusal concerns nobody else.
#[derive(Debug)]
pub(crate) struct Parcel {
    /// Where refusals go.
    pub(crate) sender: Address,
    /// To whom.
    pub(crate) recipient: Address,
    /// ASCII, in lines of CRLF.
    pub(crate) content: Vec<u8>,
}

/// A [`Security`] with what it needs.
pub(super) enum Encryption {
    Implicit(TlsParameters),
    StartTls(TlsParameters),
    None,
}

impl Encryption {
    /// Reads the system's root certificates, if it needs them.
    pub(super) fn new(config: &SmtpConfig) -> Result<Self, Error> {
        let tls = || TlsParameters::new(config.host.clone());
        Ok(match config.security {
            Security::Implicit => Self::Implicit(tls()?),
            Security::StartTls => Self::StartTls(tls()?),
            Security::Plain => Self::None,
        })
    }
}

/// A connection that has said hello. After any failure it is in an unknown state and must be dropped.
pub(super) struct Session {
    connection: AsyncSmtpConnection,
    /// How many mails it has carried.
    pub(super) carried: u32,
    /// When it was last used.
    pub(super) used_at: Instant,
}

impl Session {
    /// Connects, encrypts as configured, and authenticates.
    pub(super) async fn open(
        config: &SmtpConfig,
        encryption: &Encryption,
        name: &ClientId,
        timeouts: &Timeouts,
    ) -> Result<Self, Failure> {
        let address = (config.host.as_str(), config.port);
        let connect_by = Instant::now() + timeouts.connect;
        let hello_by = connect_by + timeouts.hello;
        let mut connection = match encryption {
            Encryption::Implicit(tls) => {
                // lettre makes the socket here and leaves TCP_NODELAY off. `Session::send` writes each turn at once,
                // so there is no second small packet that Nagle's algorithm could hold back.
                let tls = Some(tls.clone());
                let dial = AsyncSmtpConnection::connect_tokio1(address, Some(timeouts.connect), name, tls, None);
                step(Phase::Connect, hello_by, dial).await?
            }
            Encryption::StartTls(_) | Encryption::None => {
                let stream = dial(address, connect_by).await?;
                let greet = AsyncSmtpConnection::connect_with_transport(Box::new(stream), name);
                step(Phase::Hello, hello_by, greet).await?
            }
        };
        if let Encryption::StartTls(tls) = encryption {
            step(Phase::Hello, hello_by, connection.starttls(tls.clone(), name)).await?;
        }
        if let Some(credentials) = &config.credentials {
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            step(Phase::Auth, hello_by, connection.auth(&mechanisms, credentials)).await?;
        }
        Ok(Self { connection, carried: 0, used_at: Instant::now() })
    }

    /// Hands over one mail; returns the server's words. Drives the commands itself, because lettre's `send` does not
    /// say which of them was refused, and writes a mail's last line apart from its body.
    pub(super) async fn send(&mut self, parcel: &Parcel, timeouts: &Timeouts) -> Result<String, Failure> {
        let by = Instant::now() + timeouts.transaction;
        let connection = &mut self.connection;
        let (sender, recipient) = (parcel.sender.clone(), parcel.recipient.clone());
        step(Phase::Sender, by, connection.command(Mail::new(Some(sender), Vec::new()))).await?;
        step(Phase::Recipient, by, connection.command(Rcpt::new(recipient, Vec::new()))).await?;
        step(Phase::Data, by, connection.command(Data)).await?;
        let reply = step(Phase::Content, by, connection.command(Transparent(&parcel.content))).await?;
        self.carried += 1;
        self.used_at = Instant::now();
        Ok(accepted(&reply))
    }

    /// Takes leave, for the server's log; what it answers does not matter.
    pub(super) async fn quit(mut self, timeouts: &Timeouts) {
        let by = Instant::now() + timeouts.connect;
        step(Phase::Whole, by, self.connection.command(Quit)).await.ok();
    }
}

async fn dial(address: (&str, u16), by: Instant) -> Result<TcpStream, Failure> {
    let broken = |error: std::io::Error| Failure::Broken { phase: Phase::Connect, detail: error.to_string() };
    let Ok(dialled) = timeout_at(by, TcpStream::connect(address)).await else {
        return Err(Failure::Timeout(Phase::Connect));
    };
    let stream = dialled.map_err(broken)?;
    stream.set_nodelay(true).map_err(broken)?;
    Ok(stream)
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
