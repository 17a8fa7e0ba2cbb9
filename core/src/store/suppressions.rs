//! Where no mail may go.

use jiff::Timestamp;
use jiff_sqlx::Timestamp as SqlTimestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Store, StoreError};
use crate::id::{EventId, UserId};

/// The scope of a suppression of every type's mail.
pub const SCOPE_ALL: &str = "*";
/// What the other side said is kept up to here, in characters.
const DETAIL_MAX: usize = 500;

/// Why no mail may go there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SuppressionReason {
    /// The address takes no mail.
    Bounce,
    /// Its owner called our mail spam.
    Complaint,
    /// An operator or a service said so.
    Manual,
    /// The person unsubscribed.
    Unsubscribe,
}

impl SuppressionReason {
    /// Every reason there is.
    pub const ALL: [Self; 4] = [Self::Bounce, Self::Complaint, Self::Manual, Self::Unsubscribe];

    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bounce => "bounce",
            Self::Complaint => "complaint",
            Self::Manual => "manual",
            Self::Unsubscribe => "unsubscribe",
        }
    }

    /// The reason of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

/// Who gets no mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suppressed<'a> {
    /// Whoever has this address.
    Address(&'a str),
    /// This person, whatever their address.
    Person(UserId),
}

/// A suppression to store.
#[derive(Clone, Copy, Debug)]
pub struct NewSuppression<'a> {
    /// Who.
    pub who: Suppressed<'a>,
    /// Of which type; [`SCOPE_ALL`] is every type.
    pub scope: &'a str,
    /// Why.
    pub reason: SuppressionReason,
    /// What the other side said. At most 500 printable characters are kept.
    pub detail: Option<&'a str>,
}

/// A stored suppression.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Suppression {
    /// Its number, to lift it by.
    pub id: i64,
    /// The address that gets no mail, in lower case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The person who gets none, whatever their address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<i64>,
    /// A type of events, or `*`: every type.
    pub scope: String,
    /// `bounce`, `complaint`, `manual` or `unsubscribe`.
    pub reason: String,
    /// What the other side said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// Which suppressions are meant; `None` leaves a filter out.
#[derive(Clone, Debug, Default)]
pub struct SuppressionFilter {
    /// Of this address, in whatever case.
    pub address: Option<String>,
    /// Of this person.
    pub user_id: Option<UserId>,
    /// For this reason.
    pub reason: Option<SuppressionReason>,
    /// With higher numbers than this one.
    pub after: i64,
}

/// To whom an event's mail goes now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addressee {
    /// The event's type.
    pub kind: String,
    /// The person's address.
    pub address: String,
}

struct Row {
    id: i64,
    address: Option<String>,
    user_id: Option<i64>,
    scope: String,
    reason: String,
    detail: Option<String>,
    created_at: SqlTimestamp,
}

impl From<Row> for Suppression {
    fn from(Row { id, address, user_id, scope, reason, detail, created_at }: Row) -> Self {
        Self { id, address, user_id, scope, reason, detail, created_at: created_at.to_jiff() }
    }
}

impl Store {
    /// Lets no mail go there any more. Safe to repeat: the suppression is the same.
    pub async fn suppress(&self, new: NewSuppression<'_>) -> Result<Suppression, StoreError> {
        let (address, user_id) = match new.who {
            Suppressed::Address(address) => (Some(address), None),
            Suppressed::Person(user_id) => (None, Some(user_id.get())),
        };
        let detail: Option<String> =
            new.detail.map(|detail| detail.chars().filter(|c| !c.is_control()).take(DETAIL_MAX).collect());
        let row = sqlx::query_file_as!(
            Row,
            "src/store/sql/suppress.sql",
            address,
            user_id,
            new.scope,
            new.reason.as_str(),
            detail,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(row.into())
    }

    /// Suppressions, oldest first.
    pub async fn suppressions(&self, filter: &SuppressionFilter, limit: i64) -> Result<Vec<Suppression>, StoreError> {
        let rows = sqlx::query_file_as!(
            Row,
            "src/store/sql/list_suppressions.sql",
            filter.address,
            filter.user_id.map(UserId::get),
            filter.reason.map(SuppressionReason::as_str),
            filter.after,
            limit,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(Suppression::from).collect())
    }

    /// Lets mail go again; whether there was such a suppression.
    pub async fn lift_suppression(&self, id: i64) -> Result<bool, StoreError> {
        let done = sqlx::query_file!("src/store/sql/lift_suppression.sql", id).execute(&self.pool).await?;
        Ok(done.rows_affected() > 0)
    }

    /// To whom an event's mail goes; `None` when there is no such event, or no address.
    pub async fn addressee(&self, id: EventId) -> Result<Option<Addressee>, StoreError> {
        Ok(sqlx::query_file_as!(Addressee, "src/store/sql/find_addressee.sql", id.uuid())
            .fetch_optional(&self.pool)
            .await?)
    }
}
