//! Where people can be reached: browsers and mail addresses.

use std::collections::HashMap;
use std::time::Duration;

use uuid::Uuid;

use super::{Store, StoreError};
use crate::delivery::{self, Channel, OnAmbiguous, Recipient, Subscription};
use crate::event::Event;
use crate::id::UserId;

/// Browsers a person may have. A further one is refused: it would be a leak of somebody's script, not a device.
const SUBSCRIPTIONS_MAX: i64 = 20;

/// A browser's wish to be pushed to.
#[derive(Clone, Debug)]
pub struct NewSubscription<'a> {
    /// Where to POST.
    pub endpoint: &'a str,
    /// Its public key, 65 bytes.
    pub p256dh: &'a [u8],
    /// Its secret, 16 bytes.
    pub auth: &'a [u8],
    /// The VAPID key it was made with.
    pub vapid_key_id: &'a str,
    /// What it says of itself.
    pub device: Option<&'a serde_json::Value>,
}

impl Store {
    /// Stores a browser, or moves it to whoever subscribed with it last. `None` when the person has 20 already.
    pub async fn subscribe(&self, user_id: UserId, new: NewSubscription<'_>) -> Result<Option<Uuid>, StoreError> {
        Ok(sqlx::query_file_scalar!(
            "src/store/sql/subscribe.sql",
            user_id.get(),
            new.endpoint,
            new.p256dh,
            new.auth,
            new.vapid_key_id,
            new.device,
            SUBSCRIPTIONS_MAX,
        )
        .fetch_optional(&self.pool)
        .await?)
    }

    /// Removes a person's own browser; whether there was one.
    pub async fn unsubscribe(&self, user_id: UserId, endpoint: &str) -> Result<bool, StoreError> {
        let done =
            sqlx::query_file!("src/store/sql/unsubscribe.sql", user_id.get(), endpoint).execute(&self.pool).await?;
        Ok(done.rows_affected() > 0)
    }

    /// Removes browsers that their push service says are gone, unless they were renewed since they were loaded.
    pub async fn forget_subscriptions(&self, gone: &[&Subscription]) -> Result<u64, StoreError> {
        let ids: Vec<Uuid> = gone.iter().map(|one| one.id).collect();
        let endpoints: Vec<&str> = gone.iter().map(|one| one.endpoint.as_str()).collect();
        let done = sqlx::query_file!("src/store/sql/forget_subscriptions.sql", &ids, &endpoints as _)
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected())
    }

    pub(super) async fn contacts(
        &self,
        channel: Channel,
        users: &[UserId],
        events: impl Iterator<Item = &Event>,
    ) -> Result<Contacts, StoreError> {
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
                Ok(Contacts::Email { recipients, on_ambiguous: self.ambiguity_policies(events).await? })
            }
            Channel::Push => {
                let ttls = self.push_ttls(events).await?;
                let rows =
                    sqlx::query_file!("src/store/sql/subscriptions_of.sql", &users).fetch_all(&self.pool).await?;
                let mut browsers: HashMap<UserId, Vec<Subscription>> = HashMap::new();
                for row in rows {
                    browsers.entry(UserId::from_row(row.user_id)).or_default().push(Subscription {
                        id: row.id,
                        endpoint: row.endpoint,
                        p256dh: row.p256dh,
                        auth: row.auth,
                        vapid_key_id: row.vapid_key_id,
                        ttl: DEFAULT_PUSH_TTL,
                    });
                }
                Ok(Contacts::Push { browsers, ttls })
            }
        }
    }

    async fn ambiguity_policies(
        &self,
        events: impl Iterator<Item = &Event>,
    ) -> Result<HashMap<String, OnAmbiguous>, StoreError> {
        let kinds = kinds(events);
        let rows = sqlx::query_file!("src/store/sql/ambiguity_policies.sql", &kinds as _).fetch_all(&self.pool).await?;
        Ok(rows.into_iter().filter_map(|row| Some((row.kind, OnAmbiguous::parse(&row.email_ambiguous)?))).collect())
    }

    async fn push_ttls(&self, events: impl Iterator<Item = &Event>) -> Result<HashMap<String, Duration>, StoreError> {
        let kinds = kinds(events);
        let rows = sqlx::query_file!("src/store/sql/push_ttls.sql", &kinds as _).fetch_all(&self.pool).await?;
        let ttl = |s: i32| Duration::from_secs(u64::try_from(s).unwrap_or_default());
        Ok(rows.into_iter().map(|row| (row.kind, ttl(row.push_ttl_s))).collect())
    }
}

fn kinds<'a>(events: impl Iterator<Item = &'a Event>) -> Vec<&'a str> {
    let mut kinds: Vec<&str> = events.map(|event| event.kind.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

/// How long a type that no operator has listed may wait at a push service.
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
