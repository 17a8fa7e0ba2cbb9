//! What the channel's tests say, and to whom.

use eventcenter_core::delivery::{Contact, Message, OnAmbiguous, Recipient, Ruling};
use eventcenter_core::event::{Event, Level, PublicId};
use eventcenter_core::id::{EventId, LeaseId, UserId};
use eventcenter_core::retry::Timing;

pub(super) fn event() -> Event {
    let id = EventId::parse("evt_01a20692a88e72f1824ea4cc05cff2e1").unwrap();
    Event {
        id,
        key: PublicId::Id(id),
        user_id: UserId::from_row(42),
        kind: "job.done".to_owned(),
        title: "Фото готово".to_owned(),
        body: "Первая строка\nвторая".to_owned(),
        level: Level::Info,
        cta: None,
        data: None,
        deliver_at: None,
        expires_at: None,
        collapse_key: None,
        created_at: "2026-11-23T09:00:00Z".parse().unwrap(),
    }
}

pub(super) fn recipient() -> Recipient {
    Recipient {
        user_id: UserId::from_row(42),
        email: "anna@example.org".to_owned(),
        name: Some("Anna".to_owned()),
        locale: "ru".to_owned(),
        on_ambiguous: OnAmbiguous::Retry,
    }
}

pub(super) fn message(contact: Contact) -> Message {
    Message {
        lease: LeaseId::from_row(1),
        attempt: 1,
        event: Box::new(event()),
        timing: Timing::default(),
        lag: std::time::Duration::ZERO,
        ruling: Ruling::Send,
        was_sent: false,
        contact,
    }
}
