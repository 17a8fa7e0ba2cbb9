//! What comes back: reports that our mail could not be delivered, or was not wanted.
//!
//! Whoever can write to the bounce address can write such a report, so only one counts that holds the return path of a
//! mail of ours: see [`MailLinks`]. It suppresses the address that this mail went to, and no other.

use eventcenter_core::metrics::BOUNCES;
use eventcenter_core::store::{NewSuppression, SCOPE_ALL, Store, StoreError, Suppressed, SuppressionReason};
use eventcenter_workers::email::{MailLinks, VerpToken};
use metrics::counter;
use serde::Serialize;
use utoipa::ToSchema;

pub mod maildir;
mod report;

use report::{Finding, Report};

/// Largest part of a report that is read, in bytes: what is beyond is our own mail, sent back.
pub const REPORT_MAX: usize = 1024 * 1024;
/// Return paths looked up for one report. It holds the same one a few times; further ones are somebody's experiment.
const TOKENS_MAX: usize = 8;

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The address takes no mail: it is suppressed.
    Bounce,
    /// The mail was called spam: the address gets none of that type any more.
    Complaint,
    /// A delay, or a failure that says nothing about the address.
    Transient,
    /// It names no mail that we sent there.
    Forged,
    /// It is no report at all.
    Unreadable,
}

impl Verdict {
    /// The name in JSON, metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bounce => "bounce",
            Self::Complaint => "complaint",
            Self::Transient => "transient",
            Self::Forged => "forged",
            Self::Unreadable => "unreadable",
        }
    }
}

/// Takes reports. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Bounces {
    store: Store,
    links: MailLinks,
}

impl Bounces {
    /// Takes reports on mail with these return paths.
    pub const fn new(store: Store, links: MailLinks) -> Self {
        Self { store, links }
    }

    /// Reads a report as it came by mail: a delivery status notification (RFC 3464) or a complaint (RFC 5965). Safe to
    /// repeat.
    pub async fn receive(&self, raw: &[u8]) -> Result<Verdict, StoreError> {
        let verdict = match Report::read(raw) {
            None => Verdict::Unreadable,
            Some(report) => self.heed(raw, &report).await?,
        };
        tracing::info!(verdict = verdict.as_str(), "a report on our mail");
        counter!(BOUNCES, "verdict" => verdict.as_str()).increment(1);
        Ok(verdict)
    }

    /// Suppresses an address because somebody whom we trust says so.
    pub async fn believe(&self, suppression: NewSuppression<'_>) -> Result<Verdict, StoreError> {
        let verdict = match suppression.reason {
            SuppressionReason::Complaint => Verdict::Complaint,
            SuppressionReason::Bounce | SuppressionReason::Manual | SuppressionReason::Unsubscribe => Verdict::Bounce,
        };
        self.store.suppress(suppression).await?;
        counter!(BOUNCES, "verdict" => verdict.as_str()).increment(1);
        Ok(verdict)
    }

    async fn heed(&self, raw: &[u8], report: &Report) -> Result<Verdict, StoreError> {
        for token in self.tokens(raw) {
            let Some(addressee) = self.store.addressee(token.event_id).await? else { continue };
            if !self.links.vouches(token, &addressee.address) {
                continue;
            }
            let (verdict, scope, reason) = match report.finding {
                Finding::Transient => return Ok(Verdict::Transient),
                Finding::Permanent => (Verdict::Bounce, SCOPE_ALL, SuppressionReason::Bounce),
                Finding::Complaint => (Verdict::Complaint, &*addressee.kind, SuppressionReason::Complaint),
            };
            let who = Suppressed::Address(&addressee.address);
            self.store.suppress(NewSuppression { who, scope, reason, detail: Some(&report.detail) }).await?;
            return Ok(verdict);
        }
        Ok(Verdict::Forged)
    }

    /// Every return path in the report, wherever it stands: it is the signature that makes it good.
    fn tokens(&self, raw: &[u8]) -> Vec<VerpToken> {
        let is_edge = |byte: &u8| byte.is_ascii_whitespace() || b"<>()[],;:\"".contains(byte);
        let words = raw.split(is_edge).filter_map(|word| std::str::from_utf8(word).ok());
        let mut tokens: Vec<VerpToken> = Vec::new();
        for token in words.filter_map(|word| self.links.read_return_path(word)) {
            if tokens.len() < TOKENS_MAX && !tokens.contains(&token) {
                tokens.push(token);
            }
        }
        tokens
    }
}
