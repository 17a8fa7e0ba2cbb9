//! Writes down what tries showed of where they went: browsers that are gone, addresses that do not exist. Beside the
//! settling and not in its way.

use std::time::Duration;

use eventcenter_core::delivery::{Contact, Fault, Finding, Outcome, Report};
use eventcenter_core::metrics::{SUBSCRIPTIONS_GONE, SUBSCRIPTIONS_REFUSED};
use eventcenter_core::store::{NewSuppression, SCOPE_ALL, Store, StoreError, Suppressed, SuppressionReason};
use metrics::counter;
use tokio::sync::mpsc;

/// Deliveries whose findings wait to be written. When there are more, handlers wait with theirs.
pub(crate) const WAITING_MAX: usize = 2048;
/// Deliveries whose findings are written by one statement.
const BATCH: usize = 1024;
/// Between two statements, unless a full one waits: what comes meanwhile goes together.
const GATHER: Duration = Duration::from_millis(100);

/// What a try showed of where it went.
#[derive(Debug)]
pub(crate) enum Found {
    /// What push services said of a person's browsers.
    Browsers(Vec<Finding>),
    /// A mail server knows no such address, and said so.
    NoSuchAddress {
        /// In full, since that is what must not be written to again.
        address: String,
        /// The server's words.
        reply: Option<String>,
    },
}

impl Found {
    /// What is worth remembering of it.
    pub(crate) fn of(report: &Report, contact: &Contact) -> Option<Self> {
        match contact {
            Contact::Push(_) => Some(report.findings(contact)).filter(|found| !found.is_empty()).map(Self::Browsers),
            Contact::Email(recipient) => {
                let refused = |outcome| outcome == Outcome::Failed(Fault::NoSuchAddress);
                let refusal = report.tries.iter().find(|one| refused(one.outcome))?;
                let address = recipient.as_ref()?.email.clone();
                Some(Self::NoSuchAddress { address, reply: refusal.code.clone() })
            }
            Contact::None => None,
        }
    }
}

/// Writes until every sender is gone and everything is written. What the database does not take is left out: the next
/// try finds out again.
pub(crate) async fn run(store: Store, mut found: mpsc::Receiver<Found>) {
    let mut intake = Vec::with_capacity(BATCH);
    loop {
        let heard = found.recv_many(&mut intake, BATCH).await;
        if heard == 0 {
            return;
        }
        let mut findings = Vec::new();
        for one in intake.drain(..) {
            match one {
                Found::Browsers(of_one) => findings.extend(of_one),
                Found::NoSuchAddress { address, reply } => noted(suppress(&store, &address, reply.as_deref()).await),
            }
        }
        noted(learn(&store, &findings).await);
        if heard < BATCH {
            tokio::time::sleep(GATHER).await;
        }
    }
}

async fn learn(store: &Store, findings: &[Finding]) -> Result<(), StoreError> {
    if !findings.is_empty() {
        let learned = store.learn(findings).await?;
        counter!(SUBSCRIPTIONS_GONE).increment(learned.gone.unsigned_abs());
        counter!(SUBSCRIPTIONS_REFUSED).increment(learned.refusing.unsigned_abs());
    }
    Ok(())
}

async fn suppress(store: &Store, address: &str, reply: Option<&str>) -> Result<(), StoreError> {
    let suppression = NewSuppression {
        who: Suppressed::Address(address),
        scope: SCOPE_ALL,
        reason: SuppressionReason::Bounce,
        detail: reply,
    };
    store.suppress(suppression).await?;
    Ok(())
}

fn noted(written: Result<(), StoreError>) {
    if let Err(error) = written {
        tracing::warn!(%error, "could not write down what was heard of a browser or an address");
    }
}
