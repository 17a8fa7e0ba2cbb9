//! Where a finished mail goes: to an SMTP server, or into a directory that the development mail catcher shows.

use std::io;
use std::path::{Path, PathBuf};

use eventcenter_core::delivery::{Fault, OnAmbiguous, Outcome};
use eventcenter_core::id::EventId;
use tokio::fs::DirBuilder;

use super::relay::Relay;
use super::reply::presentable;
use super::smtp::{InvalidTls, Parcel, SmtpConfig};

/// Where mail goes.
#[derive(Clone, Debug)]
pub enum Transport {
    /// To an SMTP server.
    Smtp {
        /// The one that is asked first.
        server: SmtpConfig,
        /// The one that is asked while the first is away or does not let us in.
        fallback: Option<SmtpConfig>,
    },
    /// Into this directory, as `evt_….eml`. For development: nobody gets it.
    Files(PathBuf),
}

/// A [`Transport`] at work.
#[derive(Debug)]
pub(super) enum Carrier {
    Smtp(Box<Relay>),
    Files(PathBuf),
}

impl Carrier {
    /// Fails when the system's TLS cannot be set up.
    pub(super) fn new(transport: Transport, domain: &str) -> Result<Self, InvalidTls> {
        Ok(match transport {
            Transport::Smtp { server, fallback } => {
                let servers = std::iter::once(server).chain(fallback).collect();
                Self::Smtp(Box::new(Relay::new(servers, domain)?))
            }
            Transport::Files(directory) => Self::Files(directory),
        })
    }

    /// Makes one try; what it came to, and what the other side said.
    pub(super) async fn carry(&self, id: EventId, parcel: &Parcel, on_ambiguous: OnAmbiguous) -> (Outcome, String) {
        match self {
            Self::Smtp(relay) => relay.send(parcel, on_ambiguous).await,
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
            Self::Smtp(relay) => relay.check().await,
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
