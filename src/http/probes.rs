//! What load balancers and Prometheus ask.

use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use eventcenter_core::store::{Health, Store, StoreError};
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;

/// How old an answer may be: anybody may ask, and the answer takes two queries.
const FRESH: Duration = Duration::from_secs(1);
/// Days ahead for which partitions must exist. The keeper makes them a week ahead, so fewer means that none ran.
const DAYS_AHEAD_MIN: i32 = 1;

/// Whether this process can do its work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Report {
    /// Every check holds.
    ready: bool,
    /// Each by itself.
    checks: Vec<Check>,
}

/// One condition of being ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
struct Check {
    /// `serving`, `listening`, `database`, `migrations` or `partitions`.
    name: &'static str,
    /// It holds.
    ok: bool,
    /// What to do when it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'static str>,
}

/// The process is alive
#[utoipa::path(get, path = "/healthz", tag = "operations", responses((status = 200, description = "It is")))]
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// The process can do its work
#[utoipa::path(get, path = "/readyz", tag = "operations",
    responses((status = 200, body = Report), (status = 503, description = "A check does not hold", body = Report)))]
pub(super) async fn readyz(State(api): State<Api>) -> (StatusCode, Json<Report>) {
    let mut last = api.readiness.last.lock().await;
    let report = match &*last {
        Some((at, report)) if at.elapsed() < FRESH => report.clone(),
        Some(_) | None => {
            let report = Report::make(&api).await;
            *last = Some((Instant::now(), report.clone()));
            report
        }
    };
    let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(report))
}

/// Metrics, for Prometheus
#[utoipa::path(get, path = "/metrics", tag = "operations",
    responses((status = 200, description = "The text format", content_type = "text/plain")))]
pub(super) async fn get_metrics(State(api): State<Api>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], api.metrics.render())
}

impl Report {
    async fn make(api: &Api) -> Self {
        let is_stopping = api.readiness.tasks.is_stopping();
        let is_deaf = !*api.readiness.listening.borrow();
        let mut checks = vec![
            Check::new("serving", is_stopping.then_some("the process is shutting down")),
            Check::new(
                "listening",
                is_deaf.then_some("no LISTEN connection: events are found by polling, a second late"),
            ),
        ];
        checks.extend(database_checks(&ask(&api.store).await));
        Self { ready: checks.iter().all(|check| check.ok), checks }
    }
}

async fn ask(store: &Store) -> Result<(bool, Option<Health>), StoreError> {
    if !store.is_migrated().await? {
        return Ok((false, None));
    }
    Ok((true, Some(store.health().await?)))
}

/// What depends on something that does not hold is left out.
fn database_checks(answer: &Result<(bool, Option<Health>), StoreError>) -> Vec<Check> {
    let mut checks = vec![Check::new("database", answer.is_err().then_some("no answer: see the log"))];
    if let Ok((is_migrated, _)) = answer {
        let advice = (!is_migrated).then_some("the schema does not fit: eventcenter migrate");
        checks.push(Check::new("migrations", advice));
    }
    if let Ok((_, Some(health))) = answer {
        let is_late = health.days_ahead < DAYS_AHEAD_MIN;
        checks.push(Check::new("partitions", is_late.then_some("none for tomorrow: is any process keeping house?")));
    }
    checks
}

impl Check {
    fn new(name: &'static str, detail: Option<&'static str>) -> Self {
        Self { name, ok: detail.is_none(), detail }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEALTH: Health = Health {
        days_ahead: 8,
        in_default: 0,
        oldest_transaction: Duration::ZERO,
        clock: Duration::ZERO,
        server_version: 150_000,
    };

    fn failed(health: Option<Health>) -> Vec<&'static str> {
        let checks = database_checks(&Ok((health.is_some(), health)));
        checks.into_iter().filter(|check| !check.ok).map(|check| check.name).collect()
    }

    #[test]
    fn a_database_in_shape_is_ready() {
        assert_eq!(failed(Some(HEALTH)), [""; 0]);
    }

    #[test]
    fn each_thing_out_of_shape_is_named() {
        assert_eq!(failed(None), ["migrations"]);
        assert_eq!(failed(Some(Health { days_ahead: 0, ..HEALTH })), ["partitions"]);
    }
}
