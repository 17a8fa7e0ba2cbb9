//! What this process shows to Prometheus.

use std::fmt;
use std::time::Duration;

use eventcenter_core::metrics::{self as names, Kind, Metric};
use eventcenter_core::store::{Store, StoreError};
use eventcenter_core::tasks::Tasks;
use metrics::{SetRecorderError, gauge};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use metrics_process::Collector;

/// How old a gauge that is read from the database may be. Each process reads for itself; it takes a few index probes.
const REFRESH: Duration = Duration::from_secs(5);

/// Why there are no metrics.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    /// A declared metric cannot be recorded.
    #[error("a metric is declared wrongly: {0}")]
    Declared(#[from] BuildError),
    /// This process already records metrics.
    #[error("metrics are already recorded: {0}")]
    Installed(#[from] SetRecorderError<PrometheusRecorder>),
}

/// All metrics of this process. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
    process: Collector,
}

impl Metrics {
    /// Records everything from now on. Once a process.
    pub fn install() -> Result<Self, MetricsError> {
        let (metrics, recorder) = Self::recorder()?;
        metrics::set_global_recorder(recorder)?;
        names::describe();
        metrics.process.describe();
        Ok(metrics)
    }

    /// Metrics, and what records them once it is installed.
    pub fn recorder() -> Result<(Self, PrometheusRecorder), BuildError> {
        let mut histograms = names::ALL.iter().filter(|metric| metric.kind == Kind::Histogram);
        let with_buckets = |builder: PrometheusBuilder, Metric { name, buckets, .. }: &Metric| {
            builder.set_buckets_for_metric(Matcher::Full((*name).to_owned()), buckets)
        };
        let recorder = histograms.try_fold(PrometheusBuilder::new(), with_buckets)?.build_recorder();
        Ok((Self { handle: recorder.handle(), process: Collector::default() }, recorder))
    }

    /// The text format of Prometheus.
    pub fn render(&self) -> String {
        self.process.collect();
        self.handle.render()
    }

    /// Keeps the gauges that describe the database fresh, until the process stops.
    pub async fn keep_fresh(self, store: Store, tasks: Tasks) {
        loop {
            // Histograms grow until someone drains them, even if nobody scrapes.
            self.handle.run_upkeep();
            if let Err(error) = read_gauges(&store).await {
                tracing::warn!(%error, "the gauges of the database are out of date");
            }
            if tasks.pause(REFRESH).await {
                return;
            }
        }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

async fn read_gauges(store: &Store) -> Result<(), StoreError> {
    for backlog in store.backlog().await? {
        let channel = backlog.channel.as_str();
        gauge!(names::LAG, "channel" => channel).set(backlog.lag.as_secs_f64());
        gauge!(names::DEAD_LETTERS, "channel" => channel).set(counted(backlog.dead_letters));
    }
    let health = store.health().await?;
    gauge!(names::DAYS_AHEAD).set(health.days_ahead);
    gauge!(names::IN_DEFAULT).set(counted(health.in_default));
    gauge!(names::OLDEST_TRANSACTION).set(health.oldest_transaction.as_secs_f64());
    Ok(())
}

/// A gauge is a float; nothing that is counted here comes near the 2^32 at which this stops.
fn counted(n: i64) -> f64 {
    u32::try_from(n).map_or(f64::from(u32::MAX), f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histograms_have_the_declared_buckets_and_help() {
        let (metrics, recorder) = Metrics::recorder().unwrap();

        let text = metrics::with_local_recorder(&recorder, || {
            names::describe();
            metrics::histogram!(names::EMIT_BATCH).record(3.0);
            metrics.render()
        });

        assert!(text.contains("# HELP eventcenter_emit_batch_events Events that one group commit stored."), "{text}");
        assert!(text.contains(r#"eventcenter_emit_batch_events_bucket{le="2"} 0"#), "{text}");
        assert!(text.contains(r#"eventcenter_emit_batch_events_bucket{le="4"} 1"#), "{text}");
    }

    #[test]
    fn the_process_itself_is_shown() {
        let (metrics, recorder) = Metrics::recorder().unwrap();

        let text = metrics::with_local_recorder(&recorder, || metrics.render());

        assert!(text.contains("process_resident_memory_bytes"), "{text}");
    }
}
