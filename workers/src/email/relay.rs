//! The servers that mail may go to: which of them is asked, which has a rest, and when the channel is paused.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use eventcenter_core::delivery::{Fault, OnAmbiguous, Outcome};
use eventcenter_core::metrics::{EMAIL_AMBIGUOUS, EMAIL_FAILED_OVER, EMAIL_PAUSED};
use metrics::{counter, gauge};
use tokio::time::{Instant, sleep_until};

use super::domains::Domains;
use super::reply::{Concern, Failure, Phase, presentable};
use super::smtp::{InvalidTls, Parcel, Smtp, SmtpConfig};

#[cfg(test)]
mod tests;

/// Longest that one delivery may take, waits included: shorter than a lease.
pub(super) const DELIVERY_MAX: Duration = Duration::from_secs(28);
/// How long a delivery waits for a server that has a rest; then it goes back to be retried. So a channel that cannot
/// send claims a few deliveries at a time, and the rest of the backlog keeps its tries.
const HOLD_MAX: Duration = Duration::from_secs(5);
/// The first rest of a server in trouble, and the longest: it doubles in between.
const TROUBLE: (Duration, Duration) = (Duration::from_secs(2), Duration::from_mins(1));
/// The same for one that refuses our settings: only somebody's hand ends that.
const REFUSAL: (Duration, Duration) = (Duration::from_secs(15), Duration::from_mins(5));

/// The servers, the preferred one first.
#[derive(Debug)]
pub(super) struct Relay {
    servers: Vec<Server>,
    domains: Domains,
    hold: Duration,
}

#[derive(Debug)]
struct Server {
    smtp: Smtp,
    rest: Mutex<Option<Rest>>,
}

/// A server that is left alone for a while.
#[derive(Clone, Debug)]
struct Rest {
    until: Instant,
    lasts: Duration,
    concern: Concern,
    outcome: Outcome,
    words: String,
}

impl Relay {
    /// Reads the system's root certificates, if a server needs TLS.
    pub(super) fn new(configs: Vec<SmtpConfig>, domain: &str) -> Result<Self, InvalidTls> {
        let smtp = configs.into_iter().map(|config| Smtp::new(config, domain)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self::of(smtp, HOLD_MAX))
    }

    fn of(smtp: Vec<Smtp>, hold: Duration) -> Self {
        gauge!(EMAIL_PAUSED).set(0);
        let servers = smtp.into_iter().map(|smtp| Server { smtp, rest: Mutex::default() }).collect();
        Self { servers, domains: Domains::default(), hold }
    }

    /// Makes one try; what it came to, and what the server said.
    pub(super) async fn send(&self, parcel: &Parcel, on_ambiguous: OnAmbiguous) -> (Outcome, String) {
        let begun = Instant::now();
        let domain = parcel.recipient.domain();
        if let Err(wait) = self.domains.admit(domain, begun) {
            let outcome = Outcome::Retry { fault: Fault::Throttled, after: Some(wait) };
            return (outcome, format!("not tried: {domain} asked for patience"));
        }
        if let Some(rest) = self.hold(begun + self.hold).await {
            return (rest.outcome, rest.words);
        }
        match self.try_each(parcel, begun + DELIVERY_MAX).await {
            Ok(words) => {
                self.domains.ease(domain);
                (Outcome::Sent, presentable(&words))
            }
            Err(failure) => {
                match failure.concerns() {
                    Concern::Domain => self.domains.slow(domain, Instant::now()),
                    Concern::Unknown => counter!(EMAIL_AMBIGUOUS, "then" => on_ambiguous.as_str()).increment(1),
                    Concern::Server | Concern::Settings | Concern::Mail => {}
                }
                (failure.outcome(on_ambiguous), presentable(&failure.to_string()))
            }
        }
    }

    /// Whether every server lets us in; if not, what stands in it.
    pub(super) async fn check(&self) -> Result<(), String> {
        for (n, server) in self.servers.iter().enumerate() {
            let checked = server.smtp.check(Instant::now() + DELIVERY_MAX).await;
            let which = if n == 0 { "" } else { "the fall-back server: " };
            checked.map_err(|failure| format!("{which}{}", presentable(&failure.to_string())))?;
        }
        Ok(())
    }

    /// Waits until a server may be asked, but not longer than `by`; answers why none may.
    async fn hold(&self, by: Instant) -> Option<Rest> {
        loop {
            let rests: Option<Vec<Rest>> = self.servers.iter().map(Server::resting).collect();
            let first = rests?.into_iter().min_by_key(|rest| rest.until)?;
            if first.until > by {
                sleep_until(by).await;
                return Some(first);
            }
            sleep_until(first.until).await;
        }
    }

    /// Asks the servers in turn, as long as a failure concerns the server alone.
    async fn try_each(&self, parcel: &Parcel, by: Instant) -> Result<String, Failure> {
        let mut failed = None;
        for (n, server) in self.servers.iter().enumerate() {
            if server.resting().is_some() {
                continue;
            }
            match server.smtp.send(parcel, by).await {
                Err(failure) if matches!(failure.concerns(), Concern::Server | Concern::Settings) => {
                    server.take_rest(&failure);
                    self.show_pause();
                    failed = Some(failure);
                }
                settled => {
                    server.recover();
                    self.show_pause();
                    if n > 0 && settled.is_ok() {
                        counter!(EMAIL_FAILED_OVER).increment(1);
                    }
                    return settled;
                }
            }
        }
        // Another delivery may have sent the last server to rest in between.
        Err(failed.unwrap_or(Failure::Timeout(Phase::Whole)))
    }

    fn show_pause(&self) {
        let is_refused = |server: &Server| server.resting().is_some_and(|rest| rest.concern == Concern::Settings);
        gauge!(EMAIL_PAUSED).set(i32::from(self.servers.iter().all(is_refused)));
    }
}

impl Server {
    fn resting(&self) -> Option<Rest> {
        self.rest().clone().filter(|rest| rest.until > Instant::now())
    }

    /// Leaves the server alone, each time longer. What failed at the same time counts once.
    fn take_rest(&self, failure: &Failure) {
        let concern = failure.concerns();
        let (first, longest) = if concern == Concern::Settings { REFUSAL } else { TROUBLE };
        let mut rest = self.rest();
        let now = Instant::now();
        let lasts = match &*rest {
            Some(rest) if rest.until > now => return,
            Some(rest) => rest.lasts.saturating_mul(2).clamp(first, longest),
            None => first,
        };
        let words = presentable(&failure.to_string());
        tracing::warn!(answer = words, pause_s = lasts.as_secs(), "the mail server has a rest");
        // A policy for ambiguous mail plays no part: what concerns the server never was on its way.
        let outcome = failure.outcome(OnAmbiguous::Retry);
        *rest = Some(Rest { until: now + lasts, lasts, concern, outcome, words });
    }

    fn recover(&self) {
        if self.rest().take().is_some() {
            tracing::info!("the mail server answers again");
        }
    }

    fn rest(&self) -> std::sync::MutexGuard<'_, Option<Rest>> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
