//! Who is connected: what nodes tell each other through the database, and what others ask.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff_sqlx::Timestamp as SqlTimestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Store, StoreError};
use crate::id::{DeviceId, NodeId, SessionId, UserId};

/// A session that began.
#[derive(Clone, Debug)]
pub struct Entered {
    /// Which.
    pub session: SessionId,
    /// Whose.
    pub user: UserId,
    /// On which device; the anonymous one has as many sessions as it likes.
    pub device: DeviceId,
    /// When it began, by the process's clock; the database is told how long ago that is.
    pub since: Instant,
}

/// A node's sign of life, with what has happened there since the last.
#[derive(Clone, Debug)]
pub struct Beat {
    /// Whose.
    pub node: NodeId,
    /// How long its sessions count from now on, unless the next comes.
    pub life: Duration,
    /// Sessions that one person may have in the whole installation; the oldest beyond are closed.
    pub sessions_max: i32,
    /// Sessions that began.
    pub entered: Vec<Entered>,
    /// Sessions that ended, and whose they were.
    pub left: Vec<(SessionId, UserId)>,
}

/// What the database answers to a [`Beat`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It is done. These sessions of the node are to be closed.
    Close(Vec<(SessionId, Closing)>),
    /// The node was silent for too long, or the database has forgotten it: nothing was done. It takes a new name, by
    /// [`Store::enter_node`], and enters every session anew.
    Unknown,
}

/// Why a session has to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    /// The same device has a newer session.
    Replaced,
    /// The person has too many, and this is the oldest.
    TooMany,
}

impl Closing {
    /// From the close code that the database keeps, which a CHECK keeps among these.
    const fn from_row(code: i32) -> Self {
        if code == 4007 { Self::Replaced } else { Self::TooMany }
    }
}

/// Whether a person is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Presence {
    /// Who.
    #[schema(value_type = i64, minimum = 1)]
    pub user_id: UserId,
    /// Whether they have a session anywhere. Right within 5 seconds after the process that held it died.
    pub online: bool,
    /// How many.
    pub sessions: i64,
    /// When the oldest of them began; null when there is none.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// When they were last there: now, for someone who is; null for someone who never was.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_seen_at: Option<Timestamp>,
}

impl Store {
    /// Makes a node known. Its sessions count for `life`, unless it beats.
    pub async fn enter_node(&self, node: NodeId, life: Duration) -> Result<(), StoreError> {
        sqlx::query_file!("src/store/sql/enter_node.sql", node.uuid(), life.as_secs_f64()).execute(&self.pool).await?;
        Ok(())
    }

    /// Tells that a node is alive, and what has happened there. The same beat again changes nothing.
    pub async fn beat(&self, beat: &Beat) -> Result<Heard, StoreError> {
        let Beat { node, life, sessions_max, entered, left } = beat;
        let ids: Vec<Uuid> = entered.iter().map(|one| one.session.uuid()).collect();
        let users: Vec<i64> = entered.iter().map(|one| one.user.get()).collect();
        let devices: Vec<Option<&str>> = entered.iter().map(|one| one.device.name()).collect();
        let (left_ids, left_users): (Vec<Uuid>, Vec<i64>) =
            left.iter().map(|(session, user)| (session.uuid(), user.get())).unzip();
        // Measured when there is a connection: whoever waits for one must not seem younger than a session elsewhere that
        // took its place meanwhile.
        let mut connection = self.pool.acquire().await?;
        let ages: Vec<f64> = entered.iter().map(|one| one.since.elapsed().as_secs_f64()).collect();
        let row = sqlx::query_file!(
            "src/store/sql/beat.sql",
            node.uuid(),
            life.as_secs_f64(),
            sessions_max,
            &ids,
            &users,
            &devices as _,
            &ages,
            &left_ids,
            &left_users,
        )
        .fetch_one(&mut *connection)
        .await?;
        if !row.is_known {
            return Ok(Heard::Unknown);
        }
        let ids = row.closing_ids.unwrap_or_default().into_iter().map(SessionId::from_row);
        let reasons = row.closing_codes.unwrap_or_default().into_iter().map(Closing::from_row);
        Ok(Heard::Close(ids.zip(reasons).collect()))
    }

    /// Tells that a node stops: what it still holds no longer counts.
    pub async fn leave_node(&self, node: NodeId) -> Result<(), StoreError> {
        sqlx::query_file!("src/store/sql/leave_node.sql", node.uuid()).execute(&self.pool).await?;
        Ok(())
    }

    /// Whether these people are there: one answer each, in the order of their ids, whether anything is known or not.
    pub async fn presence(&self, users: &[UserId]) -> Result<Vec<Presence>, StoreError> {
        let users: Vec<i64> = users.iter().map(|user| user.get()).collect();
        let rows = sqlx::query_file!("src/store/sql/presence.sql", &users).fetch_all(&self.pool).await?;
        Ok(rows
            .into_iter()
            .map(|row| Presence {
                user_id: UserId::from_row(row.user_id),
                online: row.sessions > 0,
                sessions: row.sessions,
                since: row.since.map(SqlTimestamp::to_jiff),
                last_seen_at: row.last_seen_at.map(SqlTimestamp::to_jiff),
            })
            .collect())
    }
}
