//! The only place that speaks SQL. One file per noun, one statement per file under `store/sql/`.
//!
//! What must hold for every writer, ours or a service's own SQL, is in the database: see `migrations/`.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Executor, PgPool};

mod actions;
mod contacts;
mod deliveries;
mod devices;
mod emit;
mod error;
mod events;
mod inbox;
mod people;
mod preferences;
mod presence;
mod probe;
mod revocations;
mod rulings;
mod settlements;
mod status;
mod streams;
mod subscriptions;
mod suppressions;
mod tickets;
mod upkeep;

pub use actions::{Answer, Answered, Asked, Reply};
pub use deliveries::{Claim, Claimed, Floor, Load, Place, Rescued};
pub use devices::StreamStart;
pub use emit::{Emitted, Verdict};
pub use error::StoreError;
pub use inbox::{InboxCursor, InboxEntry, InboxFilter, InboxPage, InboxQuery, Mark, Marked, Sweep};
pub use people::{Contact, Digest, Erased, QuietHours, ServiceKey};
pub use preferences::{Rhythm, Switches};
pub use presence::{Beat, Closing, Entered, Heard, Presence};
pub use probe::Session;
pub use revocations::Revocation;
pub use settlements::SettleCount;
pub use status::{Attempt, AuditRow, Canceled, DeliveryState, EndedDelivery, EndedFilter};
pub use streams::{KeeperSession, Listener, Notice, StreamEntry, StreamHead};
pub use subscriptions::{Learned, NewSubscription, PushDevice, SUBSCRIPTIONS_MAX, Subscribed};
pub use suppressions::{
    Addressee, NewSuppression, SCOPE_ALL, Suppressed, Suppression, SuppressionFilter, SuppressionReason,
};
pub use tickets::{NewTicket, Redeemed};
pub use upkeep::{Backlog, Health};

/// How long a statement waits for a free connection before it fails as [`StoreError::Unavailable`].
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// What our statements count on, whatever the database's defaults are. Planning over many partitions looks expensive
/// enough for JIT, which then takes far longer than the statement: 100 ms and more instead of one.
const SESSION: &str = "set default_transaction_isolation = 'read committed'; set jit = off";

/// The database, as everything else sees it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pool: PgPool,
}

impl Store {
    /// Connects with at most `connections` connections at a time, besides those that listen and keep. Connects lazily:
    /// a database that is away now is no error yet.
    pub fn connect(url: &str, connections: u32) -> Result<Self, StoreError> {
        let options: PgConnectOptions = url.parse().map_err(StoreError::from)?;
        Ok(Self { pool: pool(options.application_name("eventcenter").extra_float_digits(None), connections) })
    }

    /// The same database over so few connections of its own, for whoever runs the same statements all the time: a pool
    /// hands out its connections in turn, and each server process then finds its plans and catalog gone from the
    /// processor's cache: draining over ten in turn is a quarter slower than over three.
    #[must_use]
    pub fn lane(&self, connections: u32) -> Self {
        Self { pool: pool(self.pool.connect_options().as_ref().clone(), connections) }
    }

    /// Brings the schema up to date. Safe to run from many processes at once.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        Ok(migrations().run(&self.pool).await?)
    }

    /// Whether every migration of this binary has run, and none that it does not know.
    pub async fn is_migrated(&self) -> Result<bool, StoreError> {
        let applied: Result<Vec<i64>, _> =
            sqlx::query_scalar("select version from public._sqlx_migrations where success order by version")
                .fetch_all(&self.pool)
                .await;
        match applied {
            Ok(applied) => Ok(applied.iter().eq(migrations().iter().map(|one| &one.version))),
            // 42P01: no such table, so nothing ever ran here.
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42P01") => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Answers once every connection is closed.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

fn migrations() -> sqlx::migrate::Migrator {
    sqlx::migrate!("../migrations")
}

fn pool(options: PgConnectOptions, connections: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // A ping per statement costs a third of the rate; a dead connection fails once and is replaced.
        .test_before_acquire(false)
        .after_connect(|connection, _| {
            Box::pin(async move {
                connection.execute(SESSION).await?;
                Ok(())
            })
        })
        .connect_lazy_with(options)
}
