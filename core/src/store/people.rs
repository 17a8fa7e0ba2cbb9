//! Contacts of people, and keys of services.

use jiff::Timestamp;
use jiff_sqlx::Timestamp as SqlTimestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Store, StoreError};
use crate::id::UserId;

/// Events that one statement erases. The rest takes further ones, so that none holds its locks for long.
const ERASE_MAX: i32 = 1000;

/// How to reach a person by mail, and how to speak to them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// Where mail goes; without it, mail is `skipped: no_address`.
    #[serde(default)]
    pub email: Option<String>,
    /// What to call them: one line of at most 256 characters.
    #[serde(default)]
    pub name: Option<String>,
    /// Their language, as a BCP 47 tag.
    #[serde(default = "english")]
    pub locale: String,
    /// Their IANA time zone.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// When push and mail wait, except for what is critical.
    #[serde(default)]
    pub quiet_hours: Option<QuietHours>,
    /// Whether their mail is gathered.
    #[serde(default)]
    pub digest: Digest,
    /// From which hour of their day on a digest is sent, from 0 to 23.
    #[serde(default = "nine")]
    #[schema(minimum = 0, maximum = 23)]
    pub digest_hour: i16,
}

/// Hours of somebody's day, on the clock of their time zone. They may span midnight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuietHours {
    /// The first quiet minute, as in `22:00`.
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    pub from: String,
    /// The first minute that is not quiet any more, as in `08:00`.
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    pub to: String,
}

/// Whether mail is sent at once, or gathered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Digest {
    /// Each mail at once.
    #[default]
    Off,
    /// Once a day.
    Daily,
    /// Once a week.
    Weekly,
}

impl Digest {
    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
        }
    }

    /// The cadence of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Off, Self::Daily, Self::Weekly].into_iter().find(|cadence| cadence.as_str() == name)
    }
}

impl Default for Contact {
    fn default() -> Self {
        Self {
            email: None,
            name: None,
            locale: english(),
            time_zone: utc(),
            quiet_hours: None,
            digest: Digest::Off,
            digest_hour: nine(),
        }
    }
}

fn english() -> String {
    "en".to_owned()
}

fn utc() -> String {
    "UTC".to_owned()
}

const fn nine() -> i16 {
    9
}

/// How far an erasure got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erased {
    /// Events that were forgotten.
    pub erased: i64,
    /// Events that are being sent at this moment. They are still there.
    pub in_flight: i64,
}

/// A service's key, without its secret.
#[derive(Clone, Debug, Serialize)]
pub struct ServiceKey {
    /// Its number, for `key revoke`.
    pub id: i64,
    /// What the operator called it.
    pub name: String,
    /// The secret's first characters.
    pub prefix: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when it is refused.
    pub revoked_at: Option<Timestamp>,
}

impl Store {
    /// Replaces what is known of a person's contact. [`StoreError::Foreign`] where the host keeps contacts.
    pub async fn put_contact(&self, user_id: UserId, contact: &Contact) -> Result<(), StoreError> {
        self.must_keep_contacts().await?;
        let quiet_hours = contact.quiet_hours.as_ref();
        sqlx::query_file!(
            "src/store/sql/put_recipient.sql",
            user_id.get(),
            contact.email,
            contact.name,
            contact.locale,
            contact.time_zone,
            quiet_hours.map(|hours| hours.from.as_str()),
            quiet_hours.map(|hours| hours.to.as_str()),
            contact.digest.as_str(),
            contact.digest_hour,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// An insert through a view could change the host's own users.
    pub(super) async fn must_keep_contacts(&self) -> Result<(), StoreError> {
        let keeps = sqlx::query_file_scalar!("src/store/sql/keeps_contacts.sql").fetch_one(&self.pool).await?;
        if keeps { Ok(()) } else { Err(StoreError::Foreign) }
    }

    /// What is known of a person's contact.
    pub async fn contact(&self, user_id: UserId) -> Result<Option<Contact>, StoreError> {
        let row =
            sqlx::query_file!("src/store/sql/find_recipient.sql", user_id.get()).fetch_optional(&self.pool).await?;
        Ok(row.map(|row| Contact {
            email: row.email,
            name: row.name,
            locale: row.locale,
            time_zone: row.time_zone,
            quiet_hours: row.quiet_from.zip(row.quiet_to).map(|(from, to)| QuietHours { from, to }),
            digest: Digest::parse(&row.digest).unwrap_or_default(),
            digest_hour: row.digest_hour,
        }))
    }

    /// Forgets a person: their contact, browsers, wishes, and history. What is being sent at this moment stays for a
    /// later call, and so do contacts that the host keeps, for ever.
    pub async fn erase(&self, user_id: UserId) -> Result<Erased, StoreError> {
        let mut erased = 0;
        loop {
            let row =
                sqlx::query_file!("src/store/sql/erase.sql", user_id.get(), ERASE_MAX).fetch_one(&self.pool).await?;
            erased += row.erased;
            if row.erased == 0 || row.erased + row.in_flight < i64::from(ERASE_MAX) {
                return Ok(Erased { erased, in_flight: row.in_flight });
            }
        }
    }

    /// Stores a new service key's SHA-256; answers its number.
    pub async fn insert_service_key(&self, name: &str, prefix: &str, hash: &[u8]) -> Result<i64, StoreError> {
        Ok(sqlx::query_file_scalar!("src/store/sql/insert_service_key.sql", name, prefix, hash)
            .fetch_one(&self.pool)
            .await?)
    }

    /// The SHA-256 of every key that is accepted now.
    pub async fn active_service_keys(&self) -> Result<Vec<Vec<u8>>, StoreError> {
        let rows = sqlx::query_file!("src/store/sql/active_service_keys.sql").fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(|row| row.hash).collect())
    }

    /// Every key ever made, oldest first.
    pub async fn service_keys(&self) -> Result<Vec<ServiceKey>, StoreError> {
        let rows = sqlx::query_file!("src/store/sql/list_service_keys.sql").fetch_all(&self.pool).await?;
        Ok(rows
            .into_iter()
            .map(|row| ServiceKey {
                id: row.id,
                name: row.name,
                prefix: row.prefix,
                created_at: row.created_at.to_jiff(),
                revoked_at: row.revoked_at.map(SqlTimestamp::to_jiff),
            })
            .collect())
    }

    /// Refuses a key from now on; whether there is such a key.
    pub async fn revoke_service_key(&self, id: i64) -> Result<bool, StoreError> {
        let done = sqlx::query_file!("src/store/sql/revoke_service_key.sql", id).execute(&self.pool).await?;
        Ok(done.rows_affected() > 0)
    }
}
