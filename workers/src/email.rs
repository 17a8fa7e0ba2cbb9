//! The email channel: an event becomes a mail, and a server's answer an outcome.
//!
//! `render` writes what the person reads, `compose` makes a message of it that is the same at every attempt,
//! `transport` hands it over, and `reply` says what the answer means. Delivery is at least once: when the reply to
//! the final dot is lost, the mail goes out again under the same Message-ID (RFC 5321, section 6.1).

use std::time::Instant;

use eventcenter_core::delivery::{Channel, Contact, Fault, Message, Outcome, Recipient, Report, Skip, Try};
use eventcenter_core::event::Event;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use lettre::message::Mailbox;
use thiserror::Error;
use url::Url;

use crate::Deliver;
use compose::OutgoingMail;
use render::Renderer;
use smtp::Parcel;
use transport::Carrier;

mod address;
mod compose;
#[cfg(test)]
mod fixtures;
mod links;
mod render;
mod reply;
mod smtp;
#[cfg(test)]
mod tests;
mod transport;
mod wording;

pub use address::shorten;
pub use links::{InvalidBounceAddress, MailLinks, VerpToken};
pub use smtp::{CONNECTIONS, InvalidSmtpUrl, SmtpConfig};
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
    #[error("a mail template is broken")]
    Template(#[from] minijinja::Error),
    /// No usable TLS on this system.
    #[error("TLS for SMTP cannot be set up")]
    Tls(#[from] lettre::transport::smtp::Error),
}

/// The email channel. Give it up to [`CONNECTIONS`] messages at once: more would only wait inside, on their lease.
#[derive(Debug)]
pub struct Email {
    from: Mailbox,
    domain: String,
    renderer: Renderer,
    carrier: Carrier,
    links: MailLinks,
}

/// Why no mail could be made of an event. Either is a fault of ours.
#[derive(Debug, Error)]
enum Unwritable {
    #[error("cannot render: {0}")]
    Render(#[from] minijinja::Error),
    #[error("cannot compose: {0}")]
    Compose(#[from] lettre::error::Error),
}

impl Email {
    /// Checks the configuration; connects to nothing yet.
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
        let fallback = app_url.join(&config.fallback).ok().filter(|url| url.origin() == app_url.origin());
        let fallback = fallback.ok_or(InvalidEmailConfig::Fallback)?;
        let renderer = Renderer::new(app_url, fallback)?;
        let carrier = Carrier::new(config.transport, &config.domain)?;
        Ok(Self { from, domain: config.domain, renderer, carrier, links: config.links })
    }

    /// Whether a mail would find its way: connects, encrypts and authenticates, or makes the directory. If not, says
    /// in one line what stands in it.
    pub async fn check(&self) -> Result<(), String> {
        self.carrier.check().await
    }

    async fn send(&self, event: &Event, recipient: &Recipient) -> Try {
        let begun = Instant::now();
        let (outcome, code) = match address::mailbox(recipient) {
            None => (Outcome::Failed(Fault::BadTarget), "the stored address cannot be used".to_owned()),
            Some(to) => match self.write(event, recipient, to) {
                Ok(parcel) => self.carrier.carry(event.id, &parcel).await,
                Err(error) => (Outcome::Failed(Fault::Crashed), reply::presentable(&error.to_string())),
            },
        };
        Try { target: shorten(&recipient.email), outcome, code: Some(code), took: begun.elapsed() }
    }

    fn write(&self, event: &Event, recipient: &Recipient, to: Mailbox) -> Result<Parcel, Unwritable> {
        let content = self.renderer.render(event, &recipient.locale)?;
        let mail = OutgoingMail { event, to: &to, unsubscribe_url: self.links.unsubscribe_url(event), content };
        let content = compose::compose(&self.from, &self.domain, mail)?;
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
