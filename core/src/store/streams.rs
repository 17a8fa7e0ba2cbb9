//! People's streams: appending to them, reading them, and hearing that they grew.

use std::collections::HashMap;
use std::time::Duration;

use sqlx::postgres::{PgConnection, PgListener};
use sqlx::{Connection, Executor, PgPool};

use super::{Rescued, SESSION, Store, StoreError, deliveries};
use crate::delivery::Channel;
use crate::event::PlannedEvent;
use crate::id::{EventId, NodeId, Seq, UserId};

/// An event at its place in a person's stream.
#[derive(Clone, Debug)]
pub struct StreamEntry {
    /// Its number.
    pub seq: Seq,
    /// What it says.
    pub planned: PlannedEvent,
}

/// Where a stream stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamHead {
    /// The last number given; 0 for a person who never got anything.
    pub last: Seq,
    /// Everything up to here has left the inbox by age.
    pub trimmed_to: Seq,
}

impl Store {
    /// What follows each person's cursor: at most `limit` entries each, in order.
    pub async fn read_streams(
        &self,
        readers: &[(UserId, Seq)],
        limit: i64,
    ) -> Result<HashMap<UserId, Vec<StreamEntry>>, StoreError> {
        let users: Vec<i64> = readers.iter().map(|(user, _)| user.get()).collect();
        let after: Vec<i64> = readers.iter().map(|(_, seq)| seq.0).collect();
        let rows =
            sqlx::query_file!("src/store/sql/read_streams.sql", &users, &after, limit).fetch_all(&self.pool).await?;
        let ids: Vec<EventId> = rows.iter().map(|row| EventId::from_row(row.event_id)).collect();
        let mut events = self.planned_events(&ids).await?;
        let mut streams: HashMap<UserId, Vec<StreamEntry>> = HashMap::new();
        for row in rows {
            if let Some(planned) = events.remove(&EventId::from_row(row.event_id)) {
                let entry = StreamEntry { seq: Seq(row.seq), planned: *planned };
                streams.entry(UserId::from_row(row.user_id)).or_default().push(entry);
            }
        }
        Ok(streams)
    }

    /// Where these streams stand; people who never got anything are left out.
    pub async fn stream_heads(&self, users: &[UserId]) -> Result<HashMap<UserId, StreamHead>, StoreError> {
        let users: Vec<i64> = users.iter().map(|user| user.get()).collect();
        let rows = sqlx::query_file!("src/store/sql/stream_heads.sql", &users).fetch_all(&self.pool).await?;
        Ok(rows
            .into_iter()
            .map(|row| {
                let head = StreamHead { last: Seq(row.last_seq), trimmed_to: Seq(row.trimmed_to) };
                (UserId::from_row(row.user_id), head)
            })
            .collect())
    }
}

/// Postgres notices within some ten seconds that the keeper's host has vanished, and gives its lock to another.
const KEEPALIVE: &str = "set tcp_keepalives_idle = 5; set tcp_keepalives_interval = 2; set tcp_keepalives_count = 3";

/// A connection of its own that holds the keeper's lock, or waits for it: one holds it in the whole installation. The
/// lock ends with the connection, so a killed process frees it at once.
#[derive(Debug)]
pub struct KeeperSession {
    connection: PgConnection,
}

impl KeeperSession {
    /// Connects. `url` must lead to Postgres itself or to a pooler in session mode.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        let mut connection = PgConnection::connect(url).await?;
        connection.execute(SESSION).await?;
        connection.execute(KEEPALIVE).await?;
        Ok(Self { connection })
    }

    /// Tries to become the keeper; whether it did. Waiting in the database instead would hold back vacuum.
    pub async fn try_lock(&mut self) -> Result<bool, StoreError> {
        Ok(sqlx::query_file_scalar!("src/store/sql/try_keeper_lock.sql").fetch_one(&mut self.connection).await?)
    }

    /// Which channels have deliveries that came due within `within`.
    pub async fn look(&mut self, within: Duration) -> Result<Vec<Channel>, StoreError> {
        let names = Channel::ALL.map(Channel::as_str);
        let due = sqlx::query_file_scalar!("src/store/sql/keeper_look.sql", &names as _, within.as_secs_f64())
            .fetch_all(&mut self.connection)
            .await?;
        Ok(due.iter().filter_map(|name| Channel::parse(name)).collect())
    }

    /// Moves at most `limit` due ws deliveries into their streams, from `floor` before now on. Answers how many it took:
    /// also those that had expired.
    pub async fn append_due(&mut self, limit: i32, floor: Option<Duration>) -> Result<i32, StoreError> {
        let floor = floor.map(|floor| floor.as_secs_f64());
        Ok(sqlx::query_file_scalar!("src/store/sql/append_due.sql", limit, floor)
            .fetch_one(&mut self.connection)
            .await?)
    }

    /// Takes back what expired leases hold: on this connection, so that a busy pool never holds the keeper up.
    pub async fn rescue(&mut self) -> Result<Vec<Rescued>, StoreError> {
        deliveries::rescue(&mut self.connection).await
    }

    /// Brings back at most `limit` entries that were snoozed until now; answers how many.
    pub async fn return_snoozed(&mut self, limit: i32) -> Result<i64, StoreError> {
        Ok(sqlx::query_file_scalar!("src/store/sql/return_snoozed.sql", limit).fetch_one(&mut self.connection).await?)
    }

    /// Forgets at most `limit` sessions of nodes that are gone; whether there may be more.
    pub async fn sweep_sessions(&mut self, limit: i32) -> Result<bool, StoreError> {
        Ok(sqlx::query_file_scalar!("src/store/sql/sweep_sessions.sql", limit).fetch_one(&mut self.connection).await?)
    }

    /// Wakes the workers of these channels, in every process.
    pub async fn notify_due(&mut self, channels: &[Channel]) -> Result<(), StoreError> {
        let names: Vec<&str> = channels.iter().map(|channel| channel.as_str()).collect();
        sqlx::query_file!("src/store/sql/notify_due.sql", names.join(",")).fetch_one(&mut self.connection).await?;
        Ok(())
    }

    /// Seals the digests of up to `limit` people whose hour has come; answers how many letters that makes.
    pub async fn seal_digests(&mut self, limit: i32) -> Result<i32, StoreError> {
        Ok(sqlx::query_file_scalar!("src/store/sql/seal_digests.sql", limit).fetch_one(&mut self.connection).await?)
    }

    /// Gives the lock up.
    pub async fn end(self) -> Result<(), StoreError> {
        Ok(self.connection.close().await?)
    }
}

/// What a notification says. Only ever a hint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// These people's streams grew.
    Streams(Vec<UserId>),
    /// Some streams grew; too many to name.
    AllStreams,
    /// These channels have due deliveries.
    Due(Vec<Channel>),
    /// What a person did in one session, for all their others: a frame `marks` or `answered`, as sockets get it.
    Marks {
        /// Whose sessions.
        user: UserId,
        /// The JSON.
        frame: String,
    },
    /// Somebody has answered an action of this name.
    Answered(String),
    /// This node has sessions to close.
    Closings(NodeId),
    /// Somebody's tokens were revoked.
    Revoked,
    /// The connection was lost and made anew: anything may have been missed.
    Reconnected,
}

/// The one LISTEN connection of a process, besides its pool.
#[derive(Debug)]
pub struct Listener {
    inner: PgListener,
}

const INBOX: &str = "eventcenter_inbox";
const DUE: &str = "eventcenter_due";
const MARKS: &str = "eventcenter_marks";
const ANSWERS: &str = "eventcenter_answers";
const SESSIONS: &str = "eventcenter_sessions";

impl Listener {
    /// Listens. `url` must lead to Postgres itself or to a pooler in session mode.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        let pool = PgPool::connect_lazy(url)?;
        let mut inner = PgListener::connect_with(&pool).await?;
        inner.listen_all([INBOX, DUE, MARKS, ANSWERS, SESSIONS]).await?;
        Ok(Self { inner })
    }

    /// The next hint. Reconnects by itself and then says so. Cancel-safe: a hint that is lost is only a hint.
    pub async fn next(&mut self) -> Result<Notice, StoreError> {
        loop {
            let Some(notification) = self.inner.try_recv().await? else {
                return Ok(Notice::Reconnected);
            };
            let payload = notification.payload();
            match notification.channel() {
                INBOX if payload == "*" => return Ok(Notice::AllStreams),
                INBOX => {
                    return Ok(Notice::Streams(payload.split(',').filter_map(|id| id.parse().ok()).collect()));
                }
                DUE => return Ok(Notice::Due(payload.split(',').filter_map(Channel::parse).collect())),
                MARKS => {
                    let told = payload.split_once(' ').and_then(|(user, frame)| Some((user.parse().ok()?, frame)));
                    if let Some((user, frame)) = told {
                        return Ok(Notice::Marks { user, frame: frame.to_owned() });
                    }
                }
                ANSWERS => return Ok(Notice::Answered(payload.to_owned())),
                SESSIONS if payload == "revoked" => return Ok(Notice::Revoked),
                SESSIONS => {
                    if let Some(node) = NodeId::parse(payload) {
                        return Ok(Notice::Closings(node));
                    }
                }
                _ => {}
            }
        }
    }
}
