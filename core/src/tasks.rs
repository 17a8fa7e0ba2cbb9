//! Background tasks that end: every one is spawned here, told to stop, and waited for.

use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The tasks of a process. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    stop: CancellationToken,
    tracker: TaskTracker,
}

impl Tasks {
    /// Runs a future beside everything else. It should end soon after [`Tasks::stopping`] does.
    pub fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.tracker.spawn(future);
    }

    /// Resolves once the process is to stop.
    pub async fn stopping(&self) {
        self.stop.cancelled().await;
    }

    /// Whether the process is to stop.
    pub fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Tells every task to stop.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Tells every task to stop and waits for them, at most `grace`; whether all of them ended.
    pub async fn drain(&self, grace: Duration) -> bool {
        self.stop();
        self.tracker.close();
        tokio::time::timeout(grace, self.tracker.wait()).await.is_ok()
    }

    /// Waits `pause`, or until the process is to stop; whether it is.
    pub async fn pause(&self, pause: Duration) -> bool {
        tokio::time::timeout(pause, self.stopping()).await.is_ok()
    }
}
