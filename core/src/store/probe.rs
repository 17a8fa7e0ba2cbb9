//! What lies between us and Postgres: the doctor's experiments. None of them writes.

use std::time::Duration;

use sqlx::postgres::{PgConnection, PgListener};
use sqlx::{AssertSqlSafe, Connection, Executor, PgPool, Row};
use tokio::time::timeout;

use super::StoreError;

/// A notification takes milliseconds; one that has not come by then never will.
const HEARD_WITHIN: Duration = Duration::from_secs(2);

/// What a connection is, behind a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Session {
    /// One connection of Postgres, for as long as it is open.
    Own,
    /// A pooler in transaction mode lends a connection to each transaction: settings and LISTEN are lost.
    Lent,
}

impl Session {
    /// Finds out what `url` leads to, by its behaviour and not by its name.
    pub async fn probe(url: &str) -> Result<Self, StoreError> {
        if keeps_settings(url).await? && hears_notifications(url).await? { Ok(Self::Own) } else { Ok(Self::Lent) }
    }
}

/// Sets something on one connection, occupies what may lie behind it with another, and asks whether it is still set.
/// In the simple protocol, because old poolers lose prepared statements as well.
async fn keeps_settings(url: &str) -> Result<bool, StoreError> {
    let mut probe = PgConnection::connect(url).await?;
    let mut other = PgConnection::connect(url).await?;
    probe.execute("set eventcenter.probe = 'kept'").await?;
    let occupied = other.begin().await?;
    let row = sqlx::raw_sql("select current_setting('eventcenter.probe', true) as kept").fetch_one(&mut probe).await?;
    let kept: Option<String> = row.try_get("kept")?;
    probe.execute("reset eventcenter.probe").await?;
    occupied.rollback().await?;
    other.close().await?;
    probe.close().await?;
    Ok(kept.as_deref() == Some("kept"))
}

async fn hears_notifications(url: &str) -> Result<bool, StoreError> {
    let channel = format!("eventcenter_probe_{}", uuid::Uuid::now_v7().simple());
    let mut listener = PgListener::connect_with(&PgPool::connect_lazy(url)?).await?;
    listener.listen(&channel).await?;
    let mut other = PgConnection::connect(url).await?;
    // The name is hexadecimal, so it needs no quotes.
    sqlx::raw_sql(AssertSqlSafe(format!("notify {channel}"))).execute(&mut other).await?;
    other.close().await?;
    match timeout(HEARD_WITHIN, listener.recv()).await {
        Ok(heard) => Ok(heard.is_ok()),
        Err(_elapsed) => Ok(false),
    }
}
