//! Waiting for a condition.

use std::future::Future;
use std::panic::Location;
use std::time::{Duration, Instant};

/// Far more than anything here takes, on the slowest machine: only a broken promise needs it.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// Between two looks. The only sleep in these tests: everything else waits for what it means to see.
const LOOK: Duration = Duration::from_millis(10);

/// Looks until there is something to see, and answers it. Fails the test, at the caller's line, once `deadline` has
/// passed.
#[track_caller]
pub(crate) fn eventually<T, Looking>(deadline: Duration, mut look: impl FnMut() -> Looking) -> impl Future<Output = T>
where
    Looking: Future<Output = Option<T>>,
{
    let caller = Location::caller();
    async move {
        let began = Instant::now();
        loop {
            if let Some(seen) = look().await {
                return seen;
            }
            assert!(began.elapsed() < deadline, "still not so after {deadline:?}, at {caller}");
            tokio::time::sleep(LOOK).await;
        }
    }
}
