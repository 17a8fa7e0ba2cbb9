//! From settings to what the channels take. [`Settings::check`] has passed, so what fails here is a file or a race.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use eventcenter_workers::email::{DkimSigner, EmailConfig, SmtpConfig, Transport};
use eventcenter_workers::push::{EndpointPolicy, FixedHosts, PushConfig, Subject, VapidKey, VapidKeys};

use super::{PushEndpoints, Refused, Secret, Settings};

/// How long one push may take: well under a lease, so that a slow push service costs a retry and not a rescue.
const PUSH_TIMEOUT: Duration = Duration::from_secs(15);

impl Settings {
    /// The keys of an installation.
    pub fn vapid_keys(&self) -> Result<VapidKeys, Refused> {
        let keys: Result<Vec<VapidKey>, _> =
            self.push.vapid_keys.iter().map(|key| VapidKey::from_secret(key.expose())).collect();
        let mut keys = keys.map_err(|error| refused(&error))?.into_iter();
        let current = keys.next().ok_or_else(|| refused(&"no VAPID key is set"))?;
        Ok(VapidKeys::new(current, keys.collect()))
    }

    /// Which endpoints are accepted, at subscribe and at every send.
    pub fn endpoint_policy(&self) -> EndpointPolicy {
        match self.push.push_endpoints {
            PushEndpoints::Known => EndpointPolicy::KnownServices,
            PushEndpoints::Public => EndpointPolicy::PublicHosts,
            PushEndpoints::Loopback => EndpointPolicy::Loopback,
        }
    }

    /// Hosts of push services with an address of the operator's choosing.
    pub fn fixed_hosts(&self) -> FixedHosts {
        self.push.push_hosts.iter().cloned().collect()
    }

    /// What the push channel takes. Reads the file of further authorities.
    pub fn push_config(&self) -> Result<PushConfig, Refused> {
        let subject = self.push.vapid_subject.as_deref().unwrap_or_default();
        let read = |path: &PathBuf| {
            fs::read(path).map_err(|error| refused(&format!("{} cannot be read: {error}", path.display())))
        };
        Ok(PushConfig {
            keys: self.vapid_keys()?,
            subject: Subject::parse(subject).map_err(|error| refused(&error))?,
            app_url: self.app_url()?,
            endpoint_policy: self.endpoint_policy(),
            fixed_hosts: self.fixed_hosts(),
            extra_ca_pem: self.push.push_ca.as_ref().map(read).transpose()?,
            timeout: PUSH_TIMEOUT,
        })
    }

    /// What the email channel takes. Reads the DKIM key.
    pub fn email_config(&self) -> Result<EmailConfig, Refused> {
        let smtp = |url: &Secret| SmtpConfig::parse(url.expose()).map_err(|error| refused(&error));
        let transport = match (&self.email.mail_dir, &self.email.smtp_url) {
            (Some(directory), _) => Transport::Files(directory.clone()),
            (None, Some(url)) => {
                let fallback = self.email.smtp_fallback_url.as_ref().map(smtp).transpose()?;
                Transport::Smtp { server: smtp(url)?, fallback }
            }
            (None, None) => return Err(refused(&"no mail server is set")),
        };
        let from = self.email.mail_from.clone().unwrap_or_default();
        let of_sender = from.rsplit('@').next().unwrap_or_default().trim_end_matches('>').to_owned();
        Ok(EmailConfig {
            domain: self.email.mail_domain.clone().unwrap_or_else(|| of_sender.clone()),
            dkim: self.dkim(&of_sender)?,
            from,
            app_url: self.app_url()?,
            fallback: self.http.app_path.clone(),
            transport,
            templates: self.email.templates.clone(),
            links: self.mail_links()?,
        })
    }

    fn dkim(&self, sender_domain: &str) -> Result<Option<DkimSigner>, Refused> {
        let Some(path) = &self.email.dkim_key else { return Ok(None) };
        let pem = fs::read_to_string(path)
            .map_err(|error| refused(&format!("{} cannot be read: {error}", path.display())))?;
        let domain = self.email.dkim_domain.as_deref().unwrap_or(sender_domain);
        let selector = self.email.dkim_selector.as_deref().unwrap_or_default();
        DkimSigner::new(domain, selector, &pem).map(Some).map_err(|error| refused(&error))
    }

    fn app_url(&self) -> Result<url::Url, Refused> {
        self.http.app_url.clone().ok_or_else(|| refused(&"no app URL is set"))
    }
}

fn refused(error: &impl ToString) -> Refused {
    Refused(vec![error.to_string()])
}
