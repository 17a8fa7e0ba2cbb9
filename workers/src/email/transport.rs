//! Where a finished mail goes: to an SMTP server, or into a directory that the development mail catcher shows.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use eventcenter_core::delivery::Fault;
use eventcenter_core::delivery::Outcome;
use eventcenter_core::id::EventId;
use tokio::fs::DirBuilder;
use tokio::time::timeout;

use super::reply::{Failure, Phase, presentable};
use super::smtp::{Parcel, Smtp, SmtpConfig, Timeouts};

/// Longest that one delivery may take, the wait for a free connection included: shorter than a lease. Then it is
/// dropped with its connection, and retried.
const DELIVERY_MAX: Duration = Duration::from_secs(28);

/// Where mail goes.
#[derive(Clone, Debug)]
pub enum Transport {
    /// To an SMTP server.
    Smtp(SmtpConfig),
    /// Into this directory, as `evt_….eml`. For development: nobody gets it.
    Files(PathBuf),
}

/// A [`Transport`] at work.
#[derive(Debug)]
pub(super) enum Carrier {
    Smtp(Box<Smtp>),
    Files(PathBuf),
}

impl Carrier {
    /// Fails when the system's TLS cannot be set up.
    pub(super) fn new(transport: Transport, domain: &str) -> Result<Self, lettre::transport::smtp::Error> {
        Ok(match transport {
            Transport::Smtp(config) => Self::Smtp(Box::new(Smtp::new(config, domain, Timeouts::default())?)),
            Transport::Files(directory) => Self::Files(directory),
        })
    }

    /// Makes one try; what it came to, and what the other side said.
    pub(super) async fn carry(&self, id: EventId, parcel: &Parcel) -> (Outcome, String) {
        match self {
            Self::Smtp(smtp) => {
                let sent = timeout(DELIVERY_MAX, smtp.send(parcel)).await;
                match sent.unwrap_or(Err(Failure::Timeout(Phase::Whole))) {
                    Ok(words) => (Outcome::Sent, presentable(&words)),
                    Err(failure) => (failure.outcome(), presentable(&failure.to_string())),
                }
            }
            Self::Files(directory) => match write(directory, id, &parcel.content).await {
                Ok(name) => (Outcome::Sent, name),
                Err(error) => {
                    let outcome = Outcome::Retry { fault: Fault::ProviderError, after: None };
                    (outcome, presentable(&format!("cannot write the mail: {error}")))
                }
            },
        }
    }

    /// Whether a mail would find its way; if not, what stands in it.
    pub(super) async fn check(&self) -> Result<(), String> {
        match self {
            Self::Smtp(smtp) => smtp.check().await.map_err(|failure| presentable(&failure.to_string())),
            Self::Files(directory) => make(directory).await.map_err(|error| error.to_string()),
        }
    }
}

/// Makes the directory, for its owner alone: mail is nobody else's. One that exists stays as it is.
async fn make(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory).await
}

/// Writes beside and renames, so that a reader sees all of a mail or nothing. The name is made of the event's own id
/// (`evt_` and hex digits), never of what a producer says.
async fn write(directory: &Path, id: EventId, content: &[u8]) -> io::Result<String> {
    let name = format!("{id}.eml");
    let draft = directory.join(format!(".{name}.draft"));
    make(directory).await?;
    tokio::fs::write(&draft, content).await?;
    tokio::fs::rename(&draft, directory.join(&name)).await?;
    Ok(name)
}
