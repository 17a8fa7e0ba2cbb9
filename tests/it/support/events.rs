//! Events to emit.

use eventcenter_core::event::{NewEvent, PublicId};
use eventcenter_core::id::EventId;
use eventcenter_core::store::Emitted;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// The least that `POST /events` takes, with `fields` on top.
pub(crate) fn json_with(user: i64, fields: &Value) -> Value {
    let mut event = json!({"user_id": user, "type": "job.done", "title": "Photo ready", "body": "It is sharp now."});
    event.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    event
}

/// An event for `user` that goes where its type says: ws and push.
pub(crate) fn an_event(user: i64) -> NewEvent {
    an_event_with(user, &json!({}))
}

/// The same with `fields` on top.
pub(crate) fn an_event_with(user: i64, fields: &Value) -> NewEvent {
    NewEvent::from_json(&json_with(user, fields)).unwrap()
}

/// A time as a service writes it: so many seconds from now, or ago. Server and test share one clock.
pub(crate) fn in_seconds(seconds: i64) -> String {
    (Timestamp::now() + SignedDuration::from_secs(seconds)).to_string()
}

/// The id that the database gave.
pub(crate) fn id_of(emitted: &Emitted) -> EventId {
    match &emitted.id {
        PublicId::Id(id) => *id,
        PublicId::Key(key) => panic!("{key} is the producer's own name"),
    }
}
