//! Work that waits for one of the node's loops.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// First in, first out. Whoever puts something in sees to it that it is in only once, so it is as long as there are
/// sessions.
#[derive(Debug)]
pub(super) struct Queue<T> {
    items: Mutex<VecDeque<T>>,
    arrived: Notify,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { items: Mutex::default(), arrived: Notify::new() }
    }
}

impl<T> Queue<T> {
    fn lock(&self) -> MutexGuard<'_, VecDeque<T>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, item: T) {
        self.extend([item]);
    }

    pub(super) fn extend(&self, items: impl IntoIterator<Item = T>) {
        let mut waiting = self.lock();
        let before = waiting.len();
        waiting.extend(items);
        let has_grown = waiting.len() > before;
        drop(waiting);
        // Nothing is no news: a loop that puts back what it does not want would wake itself for ever.
        if has_grown {
            self.arrived.notify_one();
        }
    }

    /// Resolves when something was put in since the last call.
    pub(super) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// The oldest, at most `max`.
    pub(super) fn take(&self, max: usize) -> Vec<T> {
        let mut items = self.lock();
        let count = items.len().min(max);
        items.drain(..count).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn nothing_is_no_news() {
        let queue = Queue::default();
        queue.extend([1, 2, 3]);
        queue.arrived().await;
        assert_eq!(queue.take(2), [1, 2]);

        queue.extend([]);

        assert!(timeout(Duration::from_millis(20), queue.arrived()).await.is_err());
        assert_eq!(queue.take(2), [3]);
    }
}
