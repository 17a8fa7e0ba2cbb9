//! Writes down what pushes showed of the browsers that they went to. Beside the settling and not in its way.

use std::time::Duration;

use eventcenter_core::delivery::Finding;
use eventcenter_core::metrics::{SUBSCRIPTIONS_GONE, SUBSCRIPTIONS_REFUSED};
use eventcenter_core::store::Store;
use metrics::counter;
use tokio::sync::mpsc;

/// Deliveries whose findings wait to be written. When there are more, handlers wait with theirs.
pub(crate) const WAITING_MAX: usize = 2048;
/// Deliveries whose findings are written by one statement.
const BATCH: usize = 1024;
/// Between two statements: what comes meanwhile goes together.
const GATHER: Duration = Duration::from_millis(100);

/// Writes until every sender is gone and everything is written. What the database does not take is left out: the next
/// push finds out again.
pub(crate) async fn run(store: Store, mut found: mpsc::Receiver<Vec<Finding>>) {
    let mut intake = Vec::with_capacity(BATCH);
    while found.recv_many(&mut intake, BATCH).await > 0 {
        let findings: Vec<Finding> = intake.drain(..).flatten().collect();
        match store.learn(&findings).await {
            Ok(learned) => {
                counter!(SUBSCRIPTIONS_GONE).increment(learned.gone.unsigned_abs());
                counter!(SUBSCRIPTIONS_REFUSED).increment(learned.refusing.unsigned_abs());
            }
            Err(error) => tracing::warn!(%error, "could not write down what was heard of browsers"),
        }
        tokio::time::sleep(GATHER).await;
    }
}
