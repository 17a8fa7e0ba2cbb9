//! From a rule of the schema that a row broke to the field that broke it.

use super::Problem;

/// Columns by which constraints are named, and the fields they hold.
const COLUMNS: [(&str, &str); 27] = [
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
    ("quiet_hours", "quiet_hours"),
    ("digest_hour", "digest_hour"),
    ("digest", "digest"),
    ("address", "address"),
    ("scope", "scope"),
    ("channel", "channel"),
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
