//! Acknowledgements on their way into the database: gathered in memory, written by the node in one statement for all.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use eventcenter_core::id::{DeviceId, Seq, UserId};
use tokio::sync::Notify;

/// Devices whose cursors may wait. While the database is away, those of further devices are dropped: they are sent once
/// more what they have, and drop it.
const WAITING_MAX: usize = 100_000;

/// What was acknowledged and is not written yet: the furthest number of each device.
#[derive(Debug, Default)]
pub(super) struct Acks {
    waiting: Mutex<HashMap<(UserId, DeviceId), Seq>>,
    arrived: Notify,
}

impl Acks {
    pub(super) fn put(&self, user: UserId, device: DeviceId, seq: Seq) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (user, device);
        if waiting.len() >= WAITING_MAX && !waiting.contains_key(&key) {
            return;
        }
        let furthest = waiting.entry(key).or_default();
        *furthest = seq.max(*furthest);
        drop(waiting);
        self.arrived.notify_one();
    }

    /// Resolves when something waits.
    pub(super) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// Takes what waits, at most `max` devices; the others stay.
    pub(super) fn take(&self, max: usize) -> Vec<(UserId, DeviceId, Seq)> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() <= max {
            return std::mem::take(&mut *waiting)
                .into_iter()
                .map(|((user, device), seq)| (user, device, seq))
                .collect();
        }
        let keys: Vec<(UserId, DeviceId)> = waiting.keys().take(max).cloned().collect();
        keys.into_iter().filter_map(|key| waiting.remove(&key).map(|seq| (key.0, key.1, seq))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: i64) -> UserId {
        UserId::from_row(id)
    }

    #[test]
    fn a_device_has_one_cursor_and_it_never_goes_back() {
        let acks = Acks::default();
        let phone = DeviceId::parse("phone").unwrap();

        acks.put(user(1), phone.clone(), Seq(7));
        acks.put(user(1), phone.clone(), Seq(5));
        acks.put(user(1), DeviceId::default(), Seq(6));

        let mut taken = acks.take(10);
        taken.sort();
        assert_eq!(taken, [(user(1), DeviceId::default(), Seq(6)), (user(1), phone, Seq(7))]);
        assert_eq!(acks.take(10), []);
    }

    #[test]
    fn what_does_not_fit_one_statement_waits_for_the_next() {
        let acks = Acks::default();
        for id in 1..=5 {
            acks.put(user(id), DeviceId::default(), Seq(id));
        }

        assert_eq!((acks.take(3).len(), acks.take(3).len(), acks.take(3).len()), (3, 2, 0));
    }
}
