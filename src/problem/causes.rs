//! Which problem follows from which error.

use eventcenter_core::store::StoreError;

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
            TokenError::Missing | TokenError::Expired | TokenError::Invalid => Code::Unauthorized,
        };
        Self::new(code, error.to_string())
    }
}

/// Columns by which constraints are named, and the fields they hold.
const COLUMNS: [(&str, &str); 21] = [
    ("key", "id"),
    ("user_id", "user_id"),
    ("type", "type"),
    ("title", "title"),
    ("body", "body"),
    ("level", "level"),
    ("channels", "channels"),
    ("channel_hint", "channel_hint"),
    ("cta", "cta"),
    ("data", "data"),
    ("deliver_at", "deliver_at"),
    ("expires_at", "expires_at"),
    ("collapse_key", "collapse_key"),
    ("email", "email"),
    ("name", "name"),
    ("locale", "locale"),
    ("time_zone", "time_zone"),
    ("until", "until"),
    ("endpoint", "endpoint"),
    ("p256dh", "keys.p256dh"),
    ("auth", "keys.auth"),
];

/// A constraint's name is a sentence that begins with its column: `deliver_at_is_at_most_90_days_ahead`. `None` when it
/// is not about a field, so that no client can have caused it.
pub(super) fn refused(constraint: &str) -> Option<Problem> {
    let (field, rule) = COLUMNS.iter().find_map(|(column, field)| {
        let rule = constraint.strip_prefix(column)?.strip_prefix('_')?;
        Some((*field, rule))
    })?;
    Some(Problem::field(field, rule.replace('_', " ")))
}
