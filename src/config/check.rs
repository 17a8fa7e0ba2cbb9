//! What must hold before a process serves: safe, and free of contradictions. Every fault is one line that says what to do.

use std::fmt;

use eventcenter_workers::email::SmtpConfig;
use eventcenter_workers::push::{Subject, VapidKey};

use super::{Email, Jwt, Push, Retention, Role, Settings};

/// Shortest secret, in bytes: HS256 asks for 256 bits (RFC 7518 §3.2). A shorter one is refused.
const SECRET_MIN: usize = 32;
/// Days ahead that an event may be scheduled: it must still be there when it comes due.
const SCHEDULE_DAYS: u16 = 90;

/// What there is to do without a database.
pub(super) const NO_DATABASE: &str = "no database: set DATABASE_URL or --database-url, or try `eventcenter dev`";

/// Why a process does not serve: one line a fault, never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused(pub Vec<String>);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for Refused {}

impl Settings {
    /// Whether a process may serve with these. Whether a service key is stored, only the database knows.
    pub fn check(&self) -> Result<(), Refused> {
        let mut faults = Vec::new();
        if self.database.url.is_none() {
            faults.push(NO_DATABASE.to_owned());
        }
        let lets_people_in = self.process.runs(Role::Api) || self.process.runs(Role::Ws);
        if lets_people_in || self.signs_mail() {
            faults.extend(self.jwt.faults());
        }
        if self.process.runs(Role::Push) {
            faults.extend(self.push.faults());
        }
        if self.process.runs(Role::Email) {
            faults.extend(self.email.faults());
        }
        let shows_links = self.process.runs(Role::Push) || self.process.runs(Role::Email);
        if shows_links && self.http.app_url.is_none() {
            faults.push("no app URL: links in push and mail would lead nowhere; set EVENTCENTER_APP_URL".to_owned());
        }
        faults.extend(self.faults_of_answers());
        faults.extend(self.retention.faults());
        if faults.is_empty() { Ok(()) } else { Err(Refused(faults)) }
    }
}

impl Jwt {
    pub(crate) fn faults(&self) -> Option<String> {
        match &self.secret {
            None => Some("no JWT secret: nobody's token could be checked; set EVENTCENTER_JWT_SECRET".to_owned()),
            Some(secret) => weakness(secret.expose()).map(|fault| format!("the JWT secret {fault}")),
        }
    }
}

impl Push {
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.vapid_keys.is_empty() {
            let line = "no VAPID key: set EVENTCENTER_VAPID_KEYS to what `eventcenter vapid generate` prints, or leave";
            faults.push(format!("{line} push out of --only"));
        }
        if self.vapid_keys.iter().any(|key| VapidKey::from_secret(key.expose()).is_err()) {
            faults.push("a VAPID key is not one that `eventcenter vapid generate` printed".to_owned());
        }
        match self.vapid_subject.as_deref().map(Subject::parse) {
            None => faults.push("no VAPID subject: set EVENTCENTER_VAPID_SUBJECT to mailto:you@your.domain".to_owned()),
            Some(Err(error)) => faults.push(error.to_string()),
            Some(Ok(_)) => {}
        }
        faults
    }
}

impl Email {
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        match (&self.smtp_url, &self.mail_dir) {
            (None, None) => {
                faults.push("no mail server: set EVENTCENTER_SMTP_URL, or leave email out of --only".to_owned());
            }
            (Some(_), Some(_)) => {
                faults.push("both a mail server and a mail directory: mail can go to one of them".to_owned());
            }
            (Some(url), None) => {
                let fault = SmtpConfig::parse(url.expose()).err();
                faults.extend(fault.map(|error| format!("the SMTP URL {error}")));
            }
            (None, Some(_)) => {}
        }
        if let Some(Err(error)) = self.smtp_fallback_url.as_ref().map(|url| SmtpConfig::parse(url.expose())) {
            faults.push(format!("the fall-back SMTP URL {error}"));
        }
        if self.dkim_key.is_some() && self.dkim_selector.is_none() {
            faults.push("a DKIM key without its name: set EVENTCENTER_DKIM_SELECTOR".to_owned());
        }
        if self.mail_from.is_none() {
            faults.push("no sender of mail: set EVENTCENTER_MAIL_FROM to no-reply@your.domain".to_owned());
        }
        faults
    }
}

impl Retention {
    pub(crate) fn faults(self) -> Option<String> {
        let least = self.inbox_days.saturating_add(SCHEDULE_DAYS);
        let fault =
            format!("--event-days must be at least {least}: the inbox days and {SCHEDULE_DAYS} days of schedule");
        (self.event_days < least).then_some(fault)
    }
}

/// What is wrong with a secret, without repeating it.
fn weakness(secret: &str) -> Option<String> {
    let advice = "take one from `openssl rand -base64 32`";
    if secret.len() < SECRET_MIN {
        return Some(format!("is shorter than {SECRET_MIN} bytes: {advice}"));
    }
    is_guessable(secret).then(|| format!("can be guessed: {advice}"))
}

/// Whether a secret is one that people copy from manuals, or repeats itself.
fn is_guessable(secret: &str) -> bool {
    const IN_MANUALS: [&str; 5] = ["secret", "password", "changeme", "change-me", "example"];
    /// Of 32 random bytes in hexadecimal, some 14 characters of 16 appear.
    const DISTINCT_MIN: usize = 8;
    let lower = secret.to_lowercase();
    let mut bytes: Vec<u8> = secret.bytes().collect();
    bytes.sort_unstable();
    bytes.dedup();
    bytes.len() < DISTINCT_MIN || IN_MANUALS.iter().any(|word| lower.contains(word))
}

#[cfg(test)]
mod tests;
