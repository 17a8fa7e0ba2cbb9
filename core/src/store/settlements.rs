//! Settling deliveries.

use super::deliveries::column;
use super::{Store, StoreError};
use crate::delivery::{self, Outcome, Settlement, State};
use crate::id::{EventId, LeaseId};

/// A provider's answer is kept up to here, in characters.
const CODE_MAX: usize = 200;

/// What a settle found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SettleCount {
    /// Written now.
    pub settled: i64,
    /// Written before, by this very try: the first answer was lost.
    pub repeated: i64,
    /// No longer held by the lease: nothing was written.
    pub stale: i64,
}

impl Store {
    /// Writes what the tries of one lease came to. `lease` and `worker` fence it: what was rescued meanwhile is
    /// counted as stale and changes nothing. Safe to repeat when the answer was lost.
    pub async fn settle(
        &self,
        lease: LeaseId,
        worker: &str,
        settlements: &[Settlement],
    ) -> Result<SettleCount, StoreError> {
        let Some(channel) = settlements.first().map(|one| one.channel) else {
            return Ok(SettleCount::default());
        };
        let tries: Vec<TryRow<'_>> = settlements.iter().flat_map(try_rows).collect();
        let row = sqlx::query_file!(
            "src/store/sql/settle.sql",
            lease.get(),
            worker,
            channel.as_str(),
            &column(settlements, |one| one.event_id.uuid()),
            &column(settlements, |one| i32::try_from(one.attempt).unwrap_or(i32::MAX)),
            &sparse(settlements, |one| one.retry_in.map(|wait| wait.as_secs_f64())) as _,
            &column(&tries, |one| one.event_id.uuid()),
            &column(&tries, |one| one.target) as _,
            &column(&tries, |one| one.outcome) as _,
            &sparse(&tries, |one| one.reason) as _,
            &sparse(&tries, |one| one.code.clone()) as _,
            &column(&tries, |one| one.duration_ms),
            &column(&tries, |one| one.balance),
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(SettleCount { settled: row.settled, repeated: row.repeated, stale: row.stale })
    }
}

/// A column that seldom says anything: left out where it is nothing but nulls, which the database fills in.
fn sparse<'a, S, T>(rows: &'a [S], field: impl Fn(&'a S) -> Option<T>) -> Vec<Option<T>> {
    let column = column(rows, field);
    if column.iter().any(Option::is_some) { column } else { Vec::new() }
}

/// A row for `attempts`.
struct TryRow<'a> {
    event_id: EventId,
    target: &'a str,
    outcome: &'static str,
    reason: Option<&'static str>,
    code: Option<String>,
    duration_ms: i32,
    balance: i16,
}

/// A settlement's tries as rows. The last one settles the delivery, unless a retry follows.
fn try_rows(settlement: &Settlement) -> impl Iterator<Item = TryRow<'_>> {
    let last = settlement.tries.len().saturating_sub(1);
    settlement.tries.iter().enumerate().map(move |(i, one): (usize, &delivery::Try)| {
        let settles = i == last && settlement.retry_in.is_none();
        let is_dead = settles && settlement.state() == State::Dead && one.outcome != Outcome::Sent;
        TryRow {
            event_id: settlement.event_id,
            target: &one.target,
            outcome: if is_dead { "dead" } else { one.outcome.as_str() },
            reason: one.outcome.reason(),
            code: one.code.as_ref().map(|code| code.chars().take(CODE_MAX).collect()),
            duration_ms: i32::try_from(one.took.as_millis()).unwrap_or(i32::MAX),
            balance: i16::from(settles),
        }
    })
}
