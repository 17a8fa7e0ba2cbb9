//! The way of an HTTP emit into the store.

use eventcenter_core::event::NewEvent;
use eventcenter_core::store::{Emitted, Store, StoreError};
use eventcenter_core::tasks::Tasks;

/// Stores events.
#[derive(Clone, Debug)]
pub struct Committer {
    store: Store,
}

/// Why an event was not stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmitError {
    /// Too many events wait already.
    #[error("too many events wait to be stored")]
    QueueFull,
    /// The database is away.
    #[error("the database is not available")]
    Unavailable,
    /// A rule of the schema refused it.
    #[error("the database refused the event: {constraint}")]
    Refused {
        /// The rule's name.
        constraint: String,
    },
    /// A bug of ours.
    #[error("the event could not be stored")]
    Failed,
}

impl Committer {
    /// Stores into this store.
    pub fn start(store: Store, _: &Tasks) -> Self {
        Self { store }
    }

    /// Stores one event; what became of it.
    pub async fn emit(&self, event: NewEvent) -> Result<Emitted, EmitError> {
        let emitted = self.store.emit(&[&event]).await.map_err(|error| match error {
            StoreError::Unavailable(_) | StoreError::Locked(_) => EmitError::Unavailable,
            StoreError::Refused { constraint, .. } => EmitError::Refused { constraint },
            StoreError::Migration(_) | StoreError::Failed(_) | _ => EmitError::Failed,
        })?;
        emitted.into_iter().next().ok_or(EmitError::Failed)
    }
}
