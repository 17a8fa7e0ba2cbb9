//! What can go wrong between us and the database, by what to do about it.

use std::borrow::Cow;

use sqlx::migrate::MigrateError;

/// A failed statement.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database cannot be reached, is starting or stopping, or has no connection to spare. Try again.
    #[error("the database is not available: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// A rule of the schema refused a row. `constraint` says which, in words.
    #[error("the database refused the row: {constraint}")]
    Refused {
        /// The rule's name: `deliver_at_is_at_most_90_days_ahead`.
        constraint: String,
        /// What the database said.
        #[source]
        source: sqlx::Error,
    },
    /// Someone holds a lock that this statement will not wait for. Try again later.
    #[error("someone else holds a lock: {0}")]
    Locked(#[source] sqlx::Error),
    /// Contacts are the host's: an operator has put a view in the place of the table.
    #[error("contacts are kept by the host: eventcenter.recipients is a view")]
    Foreign,
    /// The schema does not fit this binary.
    #[error("the schema could not be brought up to date: {0}")]
    Migration(#[from] MigrateError),
    /// Anything else: a bug of ours.
    #[error("the database failed: {0}")]
    Failed(#[source] sqlx::Error),
}

impl StoreError {
    /// Whether the same statement may work in a moment.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Locked(_) => true,
            Self::Refused { .. } | Self::Foreign | Self::Migration(_) | Self::Failed(_) => false,
        }
    }

    /// Whether the data of the statement was at fault, so that a smaller batch may do.
    pub fn is_data(&self) -> bool {
        match self {
            Self::Refused { .. } => true,
            Self::Failed(error) => code(error).is_some_and(|code| code.starts_with("22")),
            Self::Unavailable(_) | Self::Locked(_) | Self::Foreign | Self::Migration(_) => false,
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if let sqlx::Error::Database(database) = &error
            && let Some(constraint) = database.constraint()
        {
            return Self::Refused { constraint: constraint.to_owned(), source: error };
        }
        match code(&error).as_deref() {
            // Connection exceptions, insufficient resources, operator intervention, read-only after a failover.
            Some(code) if ["08", "53", "57"].iter().any(|class| code.starts_with(class)) || code == "25006" => {
                Self::Unavailable(error)
            }
            // Lock not available, deadlock, serialization failure.
            Some("55P03" | "40P01" | "40001") => Self::Locked(error),
            None if is_connection_error(&error) => Self::Unavailable(error),
            Some(_) | None => Self::Failed(error),
        }
    }
}

fn code(error: &sqlx::Error) -> Option<String> {
    error.as_database_error()?.code().map(Cow::into_owned)
}

fn is_connection_error(error: &sqlx::Error) -> bool {
    matches!(
        error,
        sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
    )
}
