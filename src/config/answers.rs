//! How a mail is answered without anybody logging in: unsubscribed from, or bounced.

use std::path::PathBuf;

use clap::Args;
use eventcenter_workers::email::MailLinks;
use url::Url;

use super::{Refused, Role, Settings, parse};
use crate::auth::NewServiceKey;

/// Where answers to mail come in.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Mail")]
pub struct Answers {
    /// Where people reach this API from outside: the links by which they unsubscribe lead there.
    ///
    /// Without it mail offers no unsubscribing.
    #[arg(long, env = "EVENTCENTER_PUBLIC_URL", value_name = "URL", value_parser = parse::site)]
    pub public_url: Option<Url>,

    /// What takes bounces, with a token after a plus: `bounce@example.org` for bounce+…@example.org. Default: the sender.
    #[arg(long, env = "EVENTCENTER_BOUNCE_ADDRESS", value_name = "ADDRESS")]
    pub bounce_address: Option<String>,

    /// The Maildir in which bounces arrive. The mail worker reads it, and moves what it has read to `cur`.
    #[arg(long, env = "EVENTCENTER_BOUNCE_MAILDIR", value_name = "DIR")]
    pub bounce_maildir: Option<PathBuf>,
}

impl Settings {
    /// Makes and checks the answers to our mail. Without a JWT secret nobody can answer, and [`Settings::check`] has seen
    /// that nobody is asked to.
    pub fn mail_links(&self) -> Result<MailLinks, Refused> {
        let refused = |error: &dyn ToString| Refused(vec![error.to_string()]);
        let secret = match &self.jwt.secret {
            Some(secret) => secret.expose().to_owned(),
            None => NewServiceKey::generate().map_err(|error| refused(&error))?.secret,
        };
        let Answers { public_url, bounce_address, .. } = &self.answers;
        let links = MailLinks::new(secret.as_bytes(), public_url.clone(), bounce_address.as_deref());
        links.map_err(|error| refused(&error))
    }

    /// Whether it sends mail with signatures that other processes check.
    pub(super) fn signs_mail(&self) -> bool {
        let Answers { public_url, bounce_address, .. } = &self.answers;
        self.process.runs(Role::Email) && (public_url.is_some() || bounce_address.is_some())
    }

    /// What is wrong with how mail is answered.
    pub(super) fn faults_of_answers(&self) -> Vec<String> {
        let mut faults = self.mail_links().err().map_or_else(Vec::new, |refused| refused.0);
        if self.answers.bounce_maildir.is_some() && self.answers.bounce_address.is_none() {
            faults.push("a Maildir for bounces and no address for them: set EVENTCENTER_BOUNCE_ADDRESS".to_owned());
        }
        faults
    }
}
