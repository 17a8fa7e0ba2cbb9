//! Contacts of people, and keys of services.

use jiff::Timestamp;
use jiff_sqlx::Timestamp as SqlTimestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Store, StoreError};
use crate::id::UserId;

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
}

fn english() -> String {
    "en".to_owned()
}

fn utc() -> String {
    "UTC".to_owned()
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
    /// Replaces what is known of a person's contact.
    pub async fn put_contact(&self, user_id: UserId, contact: &Contact) -> Result<(), StoreError> {
        sqlx::query_file!(
            "src/store/sql/put_recipient.sql",
            user_id.get(),
            contact.email,
            contact.name,
            contact.locale,
            contact.time_zone,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// What is known of a person's contact.
    pub async fn contact(&self, user_id: UserId) -> Result<Option<Contact>, StoreError> {
        Ok(sqlx::query_file_as!(Contact, "src/store/sql/find_recipient.sql", user_id.get())
            .fetch_optional(&self.pool)
            .await?)
    }

    /// Forgets how to reach a person: contact and browsers.
    pub async fn erase_contact(&self, user_id: UserId) -> Result<(), StoreError> {
        sqlx::query_file!("src/store/sql/erase_recipient.sql", user_id.get()).execute(&self.pool).await?;
        Ok(())
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
