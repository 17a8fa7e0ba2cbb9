//! Browsers that people subscribe, and what is heard from them.

use std::fmt;

use jiff::Timestamp;
use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Store, StoreError};
use crate::delivery::{Engagement, Finding};
use crate::id::{EventId, UserId};

/// Browsers a person may have. A further one is refused: it would be a leak of somebody's script, not a device.
pub const SUBSCRIPTIONS_MAX: i32 = 20;

/// A browser's wish to be pushed to.
#[derive(Clone, Copy)]
pub struct NewSubscription<'a> {
    /// Whose it is; `None` when it has no token at hand and proves itself by what it replaces.
    pub user_id: Option<UserId>,
    /// Where to POST.
    pub endpoint: &'a str,
    /// Its public key, 65 bytes.
    pub p256dh: &'a [u8],
    /// Its secret, 16 bytes.
    pub auth: &'a [u8],
    /// The VAPID key that it says it was made with.
    pub key_id: Option<&'a str>,
    /// The VAPID key that new browsers are made with.
    pub current_key_id: &'a str,
    /// What it says of itself.
    pub device: Option<&'a serde_json::Value>,
    /// The endpoint and the secret of the subscription whose place it takes.
    pub replaces: Option<(&'a str, &'a [u8])>,
}

impl fmt::Debug for NewSubscription<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSubscription").field("user_id", &self.user_id).finish_non_exhaustive()
    }
}

/// What became of such a wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subscribed {
    /// It is stored under this id.
    Yes {
        /// What `attempts` call it.
        id: Uuid,
        /// Its push service refuses the key that it is stored with: the page should subscribe anew.
        needs_resubscribe: bool,
    },
    /// The person has [`SUBSCRIPTIONS_MAX`] others.
    Full,
    /// Somebody else's endpoint, named without its secret.
    Foreign,
    /// No token, and no proof either.
    Unproven,
}

/// A browser as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PushDevice {
    /// What it is called here and in attempts.
    #[schema(value_type = String)]
    pub id: Uuid,
    /// What its owner calls it, else what it calls itself.
    pub name: Option<String>,
    /// What it runs on, as it says.
    pub platform: Option<String>,
    /// Its User-Agent, as it says.
    pub user_agent: Option<String>,
    /// The VAPID key that it is stored with.
    pub key_id: String,
    /// SHA-256 of its endpoint, in hexadecimal: a browser finds itself in the list, and nobody can send to it by that.
    #[schema(min_length = 64, max_length = 64)]
    pub endpoint_sha256: String,
    /// Its push service refuses that key: it gets nothing until it subscribes anew.
    pub needs_resubscribe: bool,
    /// Since when it is known.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When its push service last took something for it, to the minute.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_success_at: Option<Timestamp>,
}

/// How many browsers were found in which state, and were not before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// Removed.
    pub gone: i64,
    /// To be subscribed anew.
    pub refusing: i64,
}

impl Store {
    /// Stores a browser, moves it to whoever subscribed with it last, or lets it take the place of an old one.
    pub async fn subscribe(&self, new: NewSubscription<'_>) -> Result<Subscribed, StoreError> {
        let row = sqlx::query_file!(
            "src/store/sql/subscribe.sql",
            new.user_id.map(UserId::get),
            new.endpoint,
            new.p256dh,
            new.auth,
            new.key_id,
            new.current_key_id,
            new.device,
            new.replaces.map(|(endpoint, _)| endpoint),
            new.replaces.map(|(_, auth)| auth),
            SUBSCRIPTIONS_MAX,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(match (row.id, row.verdict.as_str()) {
            (Some(id), _) => Subscribed::Yes { id, needs_resubscribe: row.needs_resubscribe.unwrap_or_default() },
            (None, "full") => Subscribed::Full,
            (None, "foreign") => Subscribed::Foreign,
            (None, _unproven) => Subscribed::Unproven,
        })
    }

    /// Removes a person's own browser; whether there was one.
    pub async fn unsubscribe(&self, user_id: UserId, endpoint: &str) -> Result<bool, StoreError> {
        let done =
            sqlx::query_file!("src/store/sql/unsubscribe.sql", user_id.get(), endpoint).execute(&self.pool).await?;
        Ok(done.rows_affected() > 0)
    }

    /// A person's browsers, oldest first; [`SUBSCRIPTIONS_MAX`] at most.
    pub async fn push_devices(&self, user_id: UserId) -> Result<Vec<PushDevice>, StoreError> {
        let rows = sqlx::query_file!("src/store/sql/push_devices_of.sql", user_id.get()).fetch_all(&self.pool).await?;
        Ok(rows
            .into_iter()
            .map(|row| PushDevice {
                id: row.id,
                name: row.name,
                platform: row.platform,
                user_agent: row.user_agent,
                key_id: row.key_id,
                endpoint_sha256: row.endpoint_sha256,
                needs_resubscribe: row.needs_resubscribe,
                created_at: row.created_at.to_jiff(),
                last_success_at: row.last_success_at.map(SqlTimestamp::to_jiff),
            })
            .collect())
    }

    /// Names a person's own browser, in one line of 1 to 64 characters; whether there is such a browser.
    pub async fn rename_push_device(&self, user_id: UserId, id: Uuid, name: &str) -> Result<bool, StoreError> {
        let done = sqlx::query_file!("src/store/sql/rename_push_device.sql", user_id.get(), id, name)
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Removes a person's own browser; whether there was one.
    pub async fn remove_push_device(&self, user_id: UserId, id: Uuid) -> Result<bool, StoreError> {
        let done =
            sqlx::query_file!("src/store/sql/remove_push_device.sql", user_id.get(), id).execute(&self.pool).await?;
        Ok(done.rows_affected() > 0)
    }

    /// Writes down what push services said of browsers. Safe to repeat, and to leave out: the next push finds out again.
    pub async fn learn(&self, findings: &[Finding]) -> Result<Learned, StoreError> {
        let ids: Vec<Uuid> = findings.iter().map(|one| one.id).collect();
        let updated_at: Vec<SqlTimestamp> = findings.iter().map(|one| one.updated_at.to_sqlx()).collect();
        let standings: Vec<&str> = findings.iter().map(|one| one.standing.as_str()).collect();
        let row = sqlx::query_file!("src/store/sql/learn_subscriptions.sql", &ids, &updated_at as _, &standings as _)
            .fetch_one(&self.pool)
            .await?;
        Ok(Learned { gone: row.gone, refusing: row.refusing })
    }

    /// A browser displayed a push, or its person clicked on it; whether that was not known before.
    pub async fn engage(&self, event: EventId, subscription: Uuid, engagement: Engagement) -> Result<bool, StoreError> {
        let is_click = engagement == Engagement::Clicked;
        let done = sqlx::query_file!("src/store/sql/engage.sql", event.uuid(), subscription.to_string(), is_click,)
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() > 0)
    }
}
