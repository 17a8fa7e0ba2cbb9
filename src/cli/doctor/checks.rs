//! The checks themselves. None of them changes anything.

use std::time::Duration;

use eventcenter_core::store::{Health as Shape, Session, Store, StoreError};
use eventcenter_workers::email::{Email, Templates};
use jiff::Timestamp;

use super::super::Error;
use super::{Finding, Health};
use crate::config::{Secret, Settings};
use crate::dev;

/// What the code is written for: newer functions of Postgres are not used.
const OLDEST_POSTGRES: i32 = 150_000;
/// Partitions are made 8 days ahead; with fewer than these the keeper has not run lately.
const DAYS_AHEAD_MIN: i32 = 6;
/// Tokens and VAPID signatures are judged by clocks. This much is noticed, the second spoils them.
const SKEW_WARN: Duration = Duration::from_secs(1);
const SKEW_FAIL: Duration = Duration::from_secs(30);
/// A transaction open for so long holds back vacuum noticeably; for the second, badly.
const TRANSACTION_WARN: Duration = Duration::from_mins(5);
const TRANSACTION_FAIL: Duration = Duration::from_hours(1);

/// Every check, in the order in which their faults are best mended.
pub(super) async fn all(settings: &Settings) -> Result<Vec<Finding>, Error> {
    let mut findings = vec![
        of_faults("jwt secret", settings.jwt.faults(), "long enough, and not from a manual"),
        of_faults("push", settings.push.faults(), "the VAPID keys and the subject can be used"),
        of_faults("mail", settings.email.faults(), "the mail settings can be used"),
        of_faults("retention", settings.retention.faults(), "events outlive inbox and schedule"),
        smtp(settings).await,
        templates(settings),
    ];
    let Some(url) = &settings.database.url else {
        findings.push(Finding::new("database", Health::Fail, "no URL is set: DATABASE_URL or --database-url"));
        return Ok(findings);
    };
    findings.push(sessions(url, settings.database.direct_url.as_ref()).await);
    let store = Store::connect(url.expose(), 1)?;
    match store.is_migrated().await {
        Err(error) => findings.push(Finding::new("database", Health::Fail, error.to_string())),
        Ok(false) => {
            let text = "the schema is not that of this version: run `eventcenter migrate`";
            findings.push(Finding::new("schema", Health::Fail, text));
        }
        Ok(true) => {
            findings.push(Finding::new("schema", Health::Ok, "up to date"));
            findings.extend(database(&store).await?);
        }
    }
    Ok(findings)
}

fn of_faults(check: &'static str, faults: impl IntoIterator<Item = String>, fine: &str) -> Finding {
    let faults: Vec<String> = faults.into_iter().collect();
    if faults.is_empty() {
        Finding::new(check, Health::Ok, fine)
    } else {
        Finding::new(check, Health::Fail, faults.join("; "))
    }
}

/// Connects, greets, encrypts and authenticates, and sends nothing.
async fn smtp(settings: &Settings) -> Finding {
    let email = match settings.email_config().map(Email::new) {
        Ok(Ok(email)) => email,
        Ok(Err(error)) => return Finding::new("mail server", Health::Fail, error.to_string()),
        Err(refused) => return Finding::new("mail server", Health::Fail, refused.to_string()),
    };
    match email.check().await {
        Err(error) => Finding::new("mail server", Health::Fail, error),
        Ok(()) if settings.email.mail_dir.is_some() => {
            Finding::new("mail server", Health::Warn, "mail goes to files and reaches nobody, which is for development")
        }
        Ok(()) => Finding::new("mail server", Health::Ok, "greets us and lets us in"),
    }
}

/// A server goes on with the last good templates, so a broken folder is no failure.
fn templates(settings: &Settings) -> Finding {
    const CHECK: &str = "templates";
    match Templates::new(settings.email.templates.clone()) {
        Err(error) => Finding::new(CHECK, Health::Fail, error.to_string()),
        Ok(templates) => match templates.broken() {
            Some(error) => Finding::new(CHECK, Health::Warn, format!("the built-in ones are used, since {error}")),
            None => Finding::new(CHECK, Health::Ok, "every mail template compiles and writes its sample"),
        },
    }
}

async fn database(store: &Store) -> Result<Vec<Finding>, StoreError> {
    let asked = Timestamp::now();
    let shape = store.health().await?;
    let answered = Timestamp::now();
    Ok(vec![
        version(shape),
        partitions(shape),
        oldest_transaction(shape),
        clock(shape, asked, answered),
        service_keys(store).await?,
    ])
}

fn version(shape: Shape) -> Finding {
    let (major, minor) = (shape.server_version / 10_000, shape.server_version % 10_000);
    if shape.server_version < OLDEST_POSTGRES {
        return Finding::new("database", Health::Fail, format!("Postgres {major}.{minor} is too old: 15 is needed"));
    }
    Finding::new("database", Health::Ok, format!("Postgres {major}.{minor}"))
}

fn partitions(shape: Shape) -> Finding {
    let Shape { days_ahead, in_default, .. } = shape;
    if days_ahead < 1 {
        let text = "none for tomorrow: no keeper runs; start `eventcenter serve` with stream among its parts";
        return Finding::new("partitions", Health::Fail, text);
    }
    if in_default > 0 {
        let text =
            format!("{in_default} events fell into the default partition while there was no keeper; they are safe");
        return Finding::new("partitions", Health::Warn, text);
    }
    let health = if days_ahead < DAYS_AHEAD_MIN { Health::Warn } else { Health::Ok };
    Finding::new("partitions", health, format!("made for {days_ahead} days ahead"))
}

fn oldest_transaction(shape: Shape) -> Finding {
    let age = shape.oldest_transaction;
    let text = format!("the oldest is {} s old", age.as_secs());
    if age < TRANSACTION_WARN {
        return Finding::new("transactions", Health::Ok, text);
    }
    let health = if age < TRANSACTION_FAIL { Health::Warn } else { Health::Fail };
    let advice = "it holds back vacuum: find it in pg_stat_activity by xact_start, and end it";
    Finding::new("transactions", health, format!("{text}; {advice}"))
}

/// The database's clock must lie between our asking and its answer, give or take.
fn clock(shape: Shape, asked: Timestamp, answered: Timestamp) -> Finding {
    let since_epoch = |at: Timestamp| Duration::try_from(at.as_duration()).unwrap_or_default();
    let early = since_epoch(asked).saturating_sub(shape.clock);
    let late = shape.clock.saturating_sub(since_epoch(answered));
    let skew = early.max(late);
    let text = format!("this machine and the database differ by {} ms", skew.as_millis());
    if skew < SKEW_WARN {
        return Finding::new("clock", Health::Ok, text);
    }
    let health = if skew < SKEW_FAIL { Health::Warn } else { Health::Fail };
    Finding::new("clock", health, format!("{text}: run NTP on both, since tokens and signatures go by the clock"))
}

async fn service_keys(store: &Store) -> Result<Finding, StoreError> {
    const CHECK: &str = "service keys";
    let mut active = store.service_keys().await?;
    active.retain(|key| key.revoked_at.is_none());
    if active.is_empty() {
        let text = "none: no service can emit; run `eventcenter key create NAME`";
        return Ok(Finding::new(CHECK, Health::Fail, text));
    }
    let text = format!("{} active", active.len());
    match active.iter().find(|key| key.prefix == dev::KEY_SHOWN) {
        None => Ok(Finding::new(CHECK, Health::Ok, text)),
        Some(key) => {
            let advice = "lies in a file of `eventcenter dev`: where people rely on this database, `key revoke` it";
            Ok(Finding::new(CHECK, Health::Warn, format!("{text}; number {} {advice}", key.id)))
        }
    }
}

/// What the URLs lead to: LISTEN and the keeper's lock need sessions of their own.
async fn sessions(url: &Secret, direct_url: Option<&Secret>) -> Finding {
    const CHECK: &str = "sessions";
    let session = Session::probe(direct_url.unwrap_or(url).expose()).await;
    match (session, direct_url) {
        (Err(error), _) => Finding::new(CHECK, Health::Fail, error.to_string()),
        (Ok(Session::Own), None) => Finding::new(CHECK, Health::Ok, "connections keep settings and hear notifications"),
        (Ok(Session::Own), Some(_)) => Finding::new(CHECK, Health::Ok, "the direct URL leads past any pooler"),
        (Ok(Session::Lent), None) => {
            let text = "a pooler in transaction mode: set DATABASE_DIRECT_URL to Postgres itself, and \
                        max_prepared_statements in PgBouncer (1.21 or newer)";
            Finding::new(CHECK, Health::Fail, text)
        }
        (Ok(Session::Lent), Some(_)) => {
            let text = "DATABASE_DIRECT_URL leads to a pooler in transaction mode: it must lead to Postgres itself";
            Finding::new(CHECK, Health::Fail, text)
        }
    }
}
