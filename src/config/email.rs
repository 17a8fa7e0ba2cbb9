//! The settings of mail.

use std::path::PathBuf;

use clap::Args;

use super::Secret;

/// Mail.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Mail")]
pub struct Email {
    /// The server: `smtp://user:password@host:587` (STARTTLS) or `smtps://…:465`. `?tls=none` speaks in the clear.
    #[arg(long, env = "EVENTCENTER_SMTP_URL", value_name = "URL", hide_env_values = true)]
    pub smtp_url: Option<Secret>,

    /// A second server, which takes over while the first is away or does not let us in.
    #[arg(long, env = "EVENTCENTER_SMTP_FALLBACK_URL", value_name = "URL", hide_env_values = true)]
    pub smtp_fallback_url: Option<Secret>,

    /// The sender: "Example <no-reply@example.org>".
    #[arg(long, env = "EVENTCENTER_MAIL_FROM", value_name = "MAILBOX")]
    pub mail_from: Option<String>,

    /// The domain of Message-IDs and EHLO. Default: the sender's.
    #[arg(long, env = "EVENTCENTER_MAIL_DOMAIN", value_name = "HOST")]
    pub mail_domain: Option<String>,

    /// A PEM file with the private key that signs mail (DKIM): RSA of at least 2048 bits, or Ed25519.
    ///
    /// Default: the mail server signs.
    #[arg(long, env = "EVENTCENTER_DKIM_KEY", value_name = "FILE")]
    pub dkim_key: Option<PathBuf>,

    /// Where the public key is published: at `SELECTOR._domainkey.DOMAIN`.
    #[arg(long, env = "EVENTCENTER_DKIM_SELECTOR", value_name = "NAME")]
    pub dkim_selector: Option<String>,

    /// The domain that signs. Default: the sender's.
    #[arg(long, env = "EVENTCENTER_DKIM_DOMAIN", value_name = "HOST")]
    pub dkim_domain: Option<String>,

    /// A folder of your own mail templates, over those that are built in: see `eventcenter template --help`.
    #[arg(long = "templates", env = "EVENTCENTER_TEMPLATES", value_name = "DIR")]
    pub templates: Option<PathBuf>,

    /// Write mail into this directory instead of sending it. For development: nobody gets it.
    #[arg(long, env = "EVENTCENTER_MAIL_DIR", value_name = "DIR")]
    pub mail_dir: Option<PathBuf>,
}
