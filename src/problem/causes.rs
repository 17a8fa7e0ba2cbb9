//! Which problem follows from which error.

use eventcenter_core::store::StoreError;

use super::constraints::refused;
use super::{Code, Problem};
use crate::auth::TokenError;
use crate::committer::EmitError;

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if error.is_transient() {
            tracing::warn!(%error, "the database is not available");
            return Self::new(Code::DatabaseUnavailable, "the database cannot be reached; try again");
        }
        match &error {
            StoreError::Refused { constraint, .. } => refused(constraint).unwrap_or_else(|| Self::internal(&error)),
            StoreError::Foreign => Self::new(
                Code::ContactsElsewhere,
                "contacts come from a view over the host's own users: change them where the host keeps them",
            ),
            StoreError::Unavailable(_)
            | StoreError::Locked(_)
            | StoreError::Migration(_)
            | StoreError::Failed(_)
            | _ => Self::internal(&error),
        }
    }
}

impl From<EmitError> for Problem {
    fn from(error: EmitError) -> Self {
        match &error {
            EmitError::QueueFull => Self::new(Code::QueueFull, "too many events wait to be stored; try again"),
            EmitError::Unavailable => {
                Self::new(Code::DatabaseUnavailable, "the database cannot be reached; emit again under the same id")
            }
            EmitError::Refused { constraint } => refused(constraint).unwrap_or_else(|| Self::internal(&error)),
            EmitError::Failed => Self::internal(&error),
        }
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        let code = match error {
            TokenError::ForeignOrigin => Code::ForeignOrigin,
            TokenError::Unchecked => Code::DatabaseUnavailable,
            TokenError::Missing
            | TokenError::Expired
            | TokenError::Invalid
            | TokenError::TooLong
            | TokenError::Revoked => Code::Unauthorized,
        };
        Self::new(code, error.to_string())
    }
}
