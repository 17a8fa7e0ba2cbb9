//! Where the people of a claimed batch can be reached.

use std::collections::HashMap;
use std::time::Duration;

use jiff_sqlx::Timestamp as SqlTimestamp;

use super::{Store, StoreError};
use crate::delivery::{self, Channel, OnAmbiguous, Recipient, Subscription};
use crate::event::Event;
use crate::id::UserId;

impl Store {
    pub(super) async fn contacts(&self, channel: Channel, users: &[UserId]) -> Result<Contacts, StoreError> {
        let users: Vec<i64> = users.iter().map(|user| user.get()).collect();
        match channel {
            Channel::Ws => Ok(Contacts::None),
            Channel::Email => {
                let rows = sqlx::query_file!("src/store/sql/recipients_of.sql", &users).fetch_all(&self.pool).await?;
                let recipients = rows.into_iter().map(|row| {
                    let user_id = UserId::from_row(row.user_id);
                    let on_ambiguous = OnAmbiguous::Retry;
                    (user_id, Recipient { user_id, email: row.email, name: row.name, locale: row.locale, on_ambiguous })
                });
                let recipients = recipients.collect();
                Ok(Contacts::Email { recipients, on_ambiguous: self.ambiguity_policies().await? })
            }
            Channel::Push => {
                let rows =
                    sqlx::query_file!("src/store/sql/subscriptions_of.sql", &users).fetch_all(&self.pool).await?;
                let ttls = if rows.is_empty() { HashMap::new() } else { self.push_ttls().await? };
                let mut browsers: HashMap<UserId, Vec<Subscription>> = HashMap::new();
                for row in rows {
                    browsers.entry(UserId::from_row(row.user_id)).or_default().push(Subscription {
                        id: row.id,
                        endpoint: row.endpoint,
                        p256dh: row.p256dh,
                        auth: row.auth,
                        vapid_key_id: row.vapid_key_id,
                        updated_at: row.updated_at.to_jiff(),
                        ttl: DEFAULT_PUSH_TTL,
                    });
                }
                Ok(Contacts::Push { browsers, ttls })
            }
        }
    }

    async fn ambiguity_policies(&self) -> Result<HashMap<String, OnAmbiguous>, StoreError> {
        let rows = sqlx::query_file!("src/store/sql/ambiguity_policies.sql").fetch_all(&self.pool).await?;
        Ok(rows.into_iter().filter_map(|row| Some((row.kind, OnAmbiguous::parse(&row.email_ambiguous)?))).collect())
    }

    async fn push_ttls(&self) -> Result<HashMap<String, Duration>, StoreError> {
        let rows = sqlx::query_file!("src/store/sql/push_ttls.sql").fetch_all(&self.pool).await?;
        let ttl = |s: i32| Duration::from_secs(u64::try_from(s).unwrap_or_default());
        Ok(rows.into_iter().map(|row| (row.kind, ttl(row.push_ttl_s))).collect())
    }
}

/// How long a type that no operator has listed may wait at a push service: as in the schema.
const DEFAULT_PUSH_TTL: Duration = Duration::from_hours(24);

/// The addresses of a claimed batch's people.
pub(super) enum Contacts {
    Push { browsers: HashMap<UserId, Vec<Subscription>>, ttls: HashMap<String, Duration> },
    Email { recipients: HashMap<UserId, Recipient>, on_ambiguous: HashMap<String, OnAmbiguous> },
    None,
}

impl Contacts {
    /// Where to say this event, without the targets that need no further try.
    pub(super) fn of(&mut self, event: &Event, is_done: impl Fn(&str) -> bool) -> delivery::Contact {
        match self {
            Self::None => delivery::Contact::None,
            Self::Email { recipients, on_ambiguous } => {
                let on_ambiguous = on_ambiguous.get(&event.kind).copied().unwrap_or(OnAmbiguous::Retry);
                let recipient = recipients.get(&event.user_id);
                delivery::Contact::Email(recipient.map(|known| Recipient { on_ambiguous, ..known.clone() }))
            }
            Self::Push { browsers, ttls } => {
                let ttl = ttls.get(&event.kind).copied().unwrap_or(DEFAULT_PUSH_TTL);
                let open = browsers
                    .get(&event.user_id)
                    .into_iter()
                    .flatten()
                    .filter(|browser| !is_done(&browser.id.to_string()))
                    .map(|browser| Subscription { ttl, ..browser.clone() });
                delivery::Contact::Push(open.collect())
            }
        }
    }
}
