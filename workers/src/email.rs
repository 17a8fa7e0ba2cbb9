//! The email channel: an event becomes a mail, and a server's answer an outcome.
//!
//! `render` writes what the person reads, by the `templates`; `compose` makes a message of it that is the same at every
//! attempt; `transport` hands it over; and `reply` says what the answer means. Delivery is at least once: when the reply
//! to the final dot is lost, the mail goes out again under the same Message-ID (RFC 5321, section 6.1), unless its type
//! says otherwise.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use eventcenter_core::delivery::{Channel, Contact, Fault, Message, Outcome, Recipient, Report, Skip, Try};
use eventcenter_core::event::Event;
use eventcenter_core::tasks::Tasks;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use lettre::message::Mailbox;
use thiserror::Error;
use url::Url;

use crate::Deliver;
use compose::Envelope;
use facts::Facts;
use render::Renderer;
use site::Site;
use templates::LOOK_INTERVAL;
use transport::Carrier;
use view::Subject;

mod address;
mod compose;
mod digest;
mod dkim;
mod domains;
mod facts;
#[cfg(test)]
mod fixtures;
mod links;
mod markup;
mod relay;
mod render;
mod reply;
mod site;
mod smtp;
mod templates;
#[cfg(test)]
mod tests;
mod text;
mod transport;
mod view;
mod wording;

pub use address::shorten;
pub use digest::{DIGEST, Digest, DigestGroup, DigestItem};
pub use dkim::{DkimSigner, InvalidDkim};
pub use links::{InvalidBounceAddress, MailLinks, VerpToken};
pub use render::Content;
pub use reply::{Failure, Phase};
pub use smtp::{CONNECTIONS, InvalidSmtpUrl, InvalidTls, Parcel, Smtp, SmtpConfig};
pub use templates::{FolderError, TemplateError, Templates};
pub use transport::Transport;

/// What an operator says about mail.
#[derive(Clone, Debug)]
pub struct EmailConfig {
    /// The sender: `EventCenter <no-reply@example.org>`.
    pub from: String,
    /// The domain of Message-IDs and EHLO: `mail.example.org`.
    pub domain: String,
    /// The host application, http(s): a cta's path is resolved against it.
    pub app_url: Url,
    /// Where the button leads when an event has no cta: a path of the application, such as `/app`.
    pub fallback: String,
    /// Where mail goes.
    pub transport: Transport,
    /// Signs each mail, where the mail server does not.
    pub dkim: Option<DkimSigner>,
    /// An operator's own templates.
    pub templates: Option<PathBuf>,
    /// How a mail is answered: unsubscribed from, or bounced.
    pub links: MailLinks,
}

/// What is wrong with an [`EmailConfig`], field by field.
#[derive(Debug, Error)]
pub enum InvalidEmailConfig {
    /// Not a mailbox.
    #[error("the sender must be an address, or a name with an address: EventCenter <no-reply@example.org>")]
    From,
    /// Not a host name.
    #[error("the mail domain must be a host name of letters, digits, dots and hyphens: mail.example.org")]
    Domain,
    /// Not a web address.
    #[error("the app URL must be http:// or https:// with a host")]
    AppUrl,
    /// Not a path.
    #[error("the fallback must be a path of the app that starts with one /")]
    Fallback,
    /// A built-in template does not compile.
    #[error("a built-in mail template is broken")]
    Template(#[from] TemplateError),
    /// No usable TLS on this system.
    #[error("TLS for SMTP cannot be set up")]
    Tls(#[from] InvalidTls),
}

/// The email channel. Give it up to [`CONNECTIONS`] messages at once: more would only wait inside, on their lease.
#[derive(Debug)]
pub struct Email {
    from: Mailbox,
    domain: String,
    dkim: Option<DkimSigner>,
    links: MailLinks,
    renderer: Renderer,
    carrier: Carrier,
}

/// Why no mail could be made of an event. Each is a fault of ours.
#[derive(Debug, Error)]
enum Unwritable {
    #[error("cannot render: {0}")]
    Render(#[from] minijinja::Error),
    #[error("cannot compose: {0}")]
    Compose(#[from] lettre::error::Error),
    #[error(transparent)]
    Unsigned(#[from] dkim::Unsigned),
}

impl Email {
    /// Checks the configuration; connects to nothing yet. A broken folder of templates is no error: see [`Templates`].
    pub fn new(config: EmailConfig) -> Result<Self, InvalidEmailConfig> {
        let from: Option<Mailbox> = config.from.parse().ok();
        let from = from.filter(|from| from.email.to_string().is_ascii()).ok_or(InvalidEmailConfig::From)?;
        if !is_host_name(&config.domain) {
            return Err(InvalidEmailConfig::Domain);
        }
        let app_url = config.app_url;
        if !matches!(app_url.scheme(), "http" | "https") {
            return Err(InvalidEmailConfig::AppUrl);
        }
        let site = Site::new(app_url, &config.fallback).ok_or(InvalidEmailConfig::Fallback)?;
        let templates = Arc::new(Templates::new(config.templates)?);
        let carrier = Carrier::new(config.transport, &config.domain)?;
        let renderer = Renderer { templates, site };
        Ok(Self { from, domain: config.domain, dkim: config.dkim, links: config.links, renderer, carrier })
    }

    /// Whether a mail would find its way: connects, encrypts and authenticates, or makes the directory. If not, says
    /// in one line what stands in it.
    pub async fn check(&self) -> Result<(), String> {
        self.carrier.check().await
    }

    /// The templates in use.
    pub fn templates(&self) -> Arc<Templates> {
        Arc::clone(&self.renderer.templates)
    }

    /// Takes changes of the operator's templates into use, until `tasks` stop.
    pub async fn keep_templates_fresh(templates: Arc<Templates>, tasks: Tasks) {
        while !tasks.pause(LOOK_INTERVAL).await {
            let templates = Arc::clone(&templates);
            // A look that panicked is over; the next one may find a sound folder.
            tokio::task::spawn_blocking(move || templates.refresh()).await.ok();
        }
    }

    async fn send(&self, event: &Event, recipient: &Recipient) -> Try {
        let begun = Instant::now();
        let (outcome, code) = match address::mailbox(recipient) {
            None => (Outcome::Failed(Fault::BadTarget), "the stored address cannot be used".to_owned()),
            Some(to) => match self.write(event, recipient, to) {
                Ok(parcel) => self.carrier.carry(event.id, &parcel, recipient.on_ambiguous).await,
                Err(error) => (Outcome::Failed(Fault::Crashed), reply::presentable(&error.to_string())),
            },
        };
        Try { target: shorten(&recipient.email), outcome, code: Some(code), took: begun.elapsed() }
    }

    fn write(&self, event: &Event, recipient: &Recipient, to: Mailbox) -> Result<Parcel, Unwritable> {
        let facts = Facts::of(event);
        let unsubscribe_url = self.links.unsubscribe_url(event);
        let unsubscribe = unsubscribe_url.as_deref();
        let content = self.renderer.render(Subject {
            event,
            facts: &facts,
            locale: &recipient.locale,
            name: recipient.name.as_deref(),
            unsubscribe,
        })?;
        let (from, domain) = (&self.from, self.domain.as_str());
        let envelope = Envelope { from, domain, to: &to, event, facts: &facts, unsubscribe };
        let mut content = compose::compose(envelope, content)?;
        if let Some(dkim) = &self.dkim {
            let mut signed = dkim.sign(&String::from_utf8_lossy(&content))?.into_bytes();
            signed.append(&mut content);
            content = signed;
        }
        let sender = self.links.return_path(event.id, &recipient.email).unwrap_or_else(|| self.from.email.clone());
        Ok(Parcel { sender, recipient: to.email, content })
    }
}

impl Deliver for Email {
    fn channel(&self) -> Channel {
        Channel::Email
    }

    fn deliver<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Report> {
        async move {
            let only = match &message.contact {
                Contact::Email(Some(recipient)) => self.send(&message.event, recipient).await,
                Contact::Email(None) | Contact::Push(_) | Contact::None => {
                    Try::overall(Outcome::Skipped(Skip::NoAddress))
                }
            };
            Report::from(only)
        }
        .boxed()
    }
}

fn is_host_name(domain: &str) -> bool {
    let is_label = |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    domain.split('.').all(is_label)
}
