//! What should be: deliveries as a map, one place each.

use std::collections::{BTreeMap, BTreeSet};

use eventcenter_core::delivery::Channel;
use eventcenter_core::id::{EventId, LeaseId};
use eventcenter_core::store::Load;

/// How often a delivery may be lost; the third time it is dead.
const LOST_MAX: u32 = 3;

/// A delivery's name.
pub(super) type Key = (EventId, Channel);

/// Where a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In `deliveries`, due now.
    Due,
    /// In `deliveries`, due in an hour.
    Later,
    Leased(LeaseId),
    /// In `inbox` or `attempts`, as the status says it.
    Settled(&'static str),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Delivery {
    pub(super) place: Place,
    /// The number of the last thing that was done with it.
    pub(super) attempt: u32,
    pub(super) lost: u32,
    pub(super) is_suspect: bool,
    pub(super) is_expired: bool,
}

impl Delivery {
    pub(super) const fn at(place: Place) -> Self {
        Self { place, attempt: 0, lost: 0, is_suspect: false, is_expired: false }
    }

    /// As `delivery_status` says it.
    pub(super) const fn state(&self) -> &'static str {
        match self.place {
            Place::Due | Place::Later if self.attempt > 0 => "retrying",
            Place::Due => "queued",
            Place::Later => "scheduled",
            Place::Leased(_) => "sending",
            Place::Settled(state) => state,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) deliveries: BTreeMap<Key, Delivery>,
    pub(super) canceled: BTreeSet<EventId>,
}

impl Model {
    pub(super) fn plan(&mut self, key: Key, delivery: Delivery) {
        assert!(self.deliveries.insert(key, delivery).is_none());
    }

    pub(super) fn get(&mut self, key: Key) -> &mut Delivery {
        self.deliveries.get_mut(&key).unwrap()
    }

    /// What a claim may take.
    pub(super) fn ready(&self, channel: Channel, load: Load) -> Vec<Key> {
        let is_wanted = |one: &Delivery| one.place == Place::Due && one.is_suspect == (load == Load::Quarantined);
        self.of(channel, is_wanted)
    }

    pub(super) fn of(&self, channel: Channel, is_wanted: impl Fn(&Delivery) -> bool) -> Vec<Key> {
        self.deliveries.iter().filter(|(key, one)| key.1 == channel && is_wanted(one)).map(|(key, _)| *key).collect()
    }

    pub(super) fn of_event(&self, id: EventId) -> Vec<Key> {
        self.deliveries.keys().filter(|key| key.0 == id).copied().collect()
    }

    pub(super) fn held_by(&self, lease: LeaseId) -> Vec<Key> {
        let is_held = |one: &Delivery| one.place == Place::Leased(lease);
        self.deliveries.iter().filter(|(_, one)| is_held(one)).map(|(key, _)| *key).collect()
    }

    /// The appender takes what is due on ws: of everyone, or inline of one event. Answers how many.
    pub(super) fn append(&mut self, is_wanted: impl Fn(&Key) -> bool) -> usize {
        let mut taken = 0;
        for key in self.ready(Channel::Ws, Load::Ordinary).into_iter().filter(is_wanted) {
            let delivery = self.get(key);
            delivery.attempt += u32::from(delivery.is_expired);
            delivery.place = Place::Settled(if delivery.is_expired { "skipped" } else { "sent" });
            taken += 1;
        }
        taken
    }

    /// A try ended: it is settled as `state`, or, with `None`, tried again in an hour.
    pub(super) fn settle(&mut self, key: Key, state: Option<&'static str>) {
        let is_canceled = self.canceled.contains(&key.0);
        let delivery = self.get(key);
        delivery.is_suspect = false;
        delivery.place = match state {
            Some(state) => Place::Settled(state),
            None if is_canceled => {
                delivery.attempt += 1;
                Place::Settled("canceled")
            }
            None => Place::Later,
        };
    }

    pub(super) fn lose(&mut self, key: Key) {
        let delivery = self.get(key);
        if delivery.lost + 1 >= LOST_MAX {
            delivery.place = Place::Settled("dead");
        } else {
            delivery.lost += 1;
            delivery.is_suspect = true;
            delivery.place = Place::Due;
        }
    }

    pub(super) fn release(&mut self, key: Key) {
        let delivery = self.get(key);
        delivery.attempt -= 1;
        delivery.place = Place::Due;
    }

    /// What `cancel` should answer for each channel of the event.
    pub(super) fn cancel(&mut self, id: EventId) -> BTreeMap<&'static str, &'static str> {
        self.canceled.insert(id);
        let mut results = BTreeMap::new();
        for key in self.of_event(id) {
            let delivery = self.get(key);
            let result = match delivery.place {
                Place::Due | Place::Later => {
                    delivery.attempt += 1;
                    delivery.place = Place::Settled("canceled");
                    "canceled"
                }
                Place::Leased(_) => "in_flight",
                Place::Settled(_) => "settled",
            };
            results.insert(key.1.as_str(), result);
        }
        results
    }

    /// Answers how many were redriven.
    pub(super) fn redrive(&mut self, state: &'static str) -> usize {
        let ended: Vec<&mut Delivery> =
            self.deliveries.values_mut().filter(|one| one.place == Place::Settled(state)).collect();
        let count = ended.len();
        for delivery in ended {
            delivery.attempt += 1;
            delivery.place = Place::Due;
            delivery.is_suspect = false;
        }
        count
    }

    pub(super) fn let_time_pass(&mut self) {
        for delivery in self.deliveries.values_mut().filter(|one| one.place == Place::Later) {
            delivery.place = Place::Due;
        }
    }
}
