//! Claiming, loading and settling deliveries.

use std::collections::HashMap;
use std::time::Duration;

use sqlx::PgExecutor;
use uuid::Uuid;

use super::{Store, StoreError};
use crate::delivery::{self, Channel, Message, Outcome, Ruling, Settlement, State};
use crate::event::Event;
use crate::id::{EventId, LeaseId, UserId};
use crate::retry::Timing;

/// A lost try is burned; after this many the delivery is dead, since it may be what kills its workers.
const LOST_MAX: i32 = 3;
/// Leases rescued by one statement. The rest waits for the next look.
const RESCUE_MAX: i32 = 100;
/// A provider's answer is kept up to here, in characters.
const CODE_MAX: usize = 200;

/// Which deliveries a worker wants.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// Whose name the lease bears.
    pub worker: &'a str,
    /// From this channel.
    pub channel: Channel,
    /// Ordinary ones, or one that lost its worker.
    pub load: Load,
    /// At most so many.
    pub limit: i32,
    /// How far back to look; `None` looks at everything. A short floor keeps a claim fast while a held snapshot
    /// keeps dead index entries alive.
    pub floor: Option<Duration>,
    /// How long the lease lasts unless renewed.
    pub lease: Duration,
}

/// What kind of delivery is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// The ordinary kind, in batches.
    Ordinary,
    /// The kind whose last worker died with it, alone.
    Quarantined,
}

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

/// One channel's part of a rescue.
#[derive(Clone, Copy, Debug)]
pub struct Rescued {
    /// Whose deliveries.
    pub channel: Channel,
    /// Taken back from expired leases, with their attempts burned.
    pub taken_back: i64,
    /// Of those, dead because they were lost too often.
    pub dead: i64,
}

impl Store {
    /// Leases due deliveries and loads what sending them takes. Empty when nothing is due. If loading fails, the
    /// lease is given back, or left to expire.
    pub async fn claim(&self, claim: Claim<'_>) -> Result<Vec<Message>, StoreError> {
        let rows = sqlx::query_file!(
            "src/store/sql/claim.sql",
            claim.channel.as_str(),
            claim.load == Load::Quarantined,
            claim.worker,
            claim.limit,
            claim.floor.map(|floor| floor.as_secs_f64()),
            claim.lease.as_secs_f64(),
        )
        .fetch_all(&self.pool)
        .await?;
        let Some(lease) = rows.first().map(|row| LeaseId::from_row(row.lease_id)) else {
            return Ok(Vec::new());
        };
        let claimed: Vec<Claimed> = rows
            .into_iter()
            .map(|row| Claimed {
                lease,
                event_id: EventId::from_row(row.event_id),
                user_id: UserId::from_row(row.user_id),
                attempt: u32::try_from(row.attempt).unwrap_or(u32::MAX),
                lag: seconds(row.lag_s),
                timing: Timing { age: seconds(row.age_s), expires_in: row.expires_in_s.map(seconds) },
            })
            .collect();
        match self.load(claim.channel, &claimed).await {
            Ok(messages) => Ok(messages),
            Err(error) => {
                let ids: Vec<EventId> = claimed.iter().map(|one| one.event_id).collect();
                self.release(lease, claim.worker, &ids).await?;
                Err(error)
            }
        }
    }

    async fn load(&self, channel: Channel, claimed: &[Claimed]) -> Result<Vec<Message>, StoreError> {
        let ids: Vec<EventId> = claimed.iter().map(|one| one.event_id).collect();
        let users: Vec<UserId> = claimed.iter().map(|one| one.user_id).collect();
        let mut events: HashMap<EventId, Event> =
            self.load_events(&ids).await?.into_iter().map(|event| (event.id, event)).collect();
        let rulings = self.rulings(channel, &ids, &users).await?;
        let tried: Vec<EventId> = claimed.iter().filter(|one| one.attempt > 1).map(|one| one.event_id).collect();
        let settled = self.settled_targets(channel, &tried).await?;
        let mut contacts = self.contacts(channel, &users, events.values()).await?;
        Ok(claimed
            .iter()
            .filter_map(|one| {
                let event = events.remove(&one.event_id)?;
                let done = settled.get(&one.event_id);
                let contact = contacts.of(&event, |target| done.is_some_and(|done| done.contains_key(target)));
                Some(Message {
                    lease: one.lease,
                    attempt: one.attempt,
                    timing: one.timing,
                    lag: one.lag,
                    ruling: rulings.get(&one.event_id).copied().unwrap_or(Ruling::Send),
                    was_sent: done.is_some_and(|done| done.values().any(|was_sent| *was_sent)),
                    contact,
                    event,
                })
            })
            .collect())
    }

    /// Per delivery, the targets that need no further try, and whether they were sent to.
    async fn settled_targets(
        &self,
        channel: Channel,
        ids: &[EventId],
    ) -> Result<HashMap<EventId, HashMap<String, bool>>, StoreError> {
        let mut settled: HashMap<EventId, HashMap<String, bool>> = HashMap::new();
        let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
        let (Some(first), Some(last)) = (ids.iter().min(), ids.iter().max()) else {
            return Ok(settled);
        };
        let rows = sqlx::query_file!("src/store/sql/settled_targets.sql", &ids, first, last, channel.as_str())
            .fetch_all(&self.pool)
            .await?;
        for row in rows {
            settled.entry(EventId::from_row(row.event_id)).or_default().insert(row.target, row.was_sent);
        }
        Ok(settled)
    }

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
            &column(settlements, |one| one.retry_in.map(|wait| wait.as_secs_f64())) as _,
            &column(&tries, |one| one.event_id.uuid()),
            &column(&tries, |one| one.target) as _,
            &column(&tries, |one| one.outcome) as _,
            &column(&tries, |one| one.reason) as _,
            &column(&tries, |one| one.code.clone()) as _,
            &column(&tries, |one| one.duration_ms),
            &column(&tries, |one| one.balance),
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(SettleCount { settled: row.settled, repeated: row.repeated, stale: row.stale })
    }

    /// Takes back what expired leases hold.
    pub async fn rescue(&self) -> Result<Vec<Rescued>, StoreError> {
        rescue(&self.pool).await
    }

    /// Prolongs leases; answers those that still exist.
    pub async fn renew(&self, leases: &[LeaseId], worker: &str, lease: Duration) -> Result<Vec<LeaseId>, StoreError> {
        let ids = column(leases, |id| id.get());
        let rows = sqlx::query_file_scalar!("src/store/sql/renew.sql", &ids, worker, lease.as_secs_f64())
            .fetch_all(&self.pool)
            .await?;
        Ok(rows.into_iter().map(LeaseId::from_row).collect())
    }
}

/// Takes back what expired leases hold.
pub(super) async fn rescue(executor: impl PgExecutor<'_>) -> Result<Vec<Rescued>, StoreError> {
    let rows = sqlx::query_file!("src/store/sql/rescue.sql", RESCUE_MAX, LOST_MAX).fetch_all(executor).await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            Some(Rescued { channel: Channel::parse(&row.channel)?, taken_back: row.rescued, dead: row.dead })
        })
        .collect())
}

/// A row of `eventcenter.claim`.
struct Claimed {
    lease: LeaseId,
    event_id: EventId,
    user_id: UserId,
    attempt: u32,
    lag: Duration,
    timing: Timing,
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

fn column<'a, S, T>(rows: &'a [S], field: impl Fn(&'a S) -> T) -> Vec<T> {
    rows.iter().map(field).collect()
}

/// The database answers seconds as a number; a moment that has passed counts as zero.
pub(super) fn seconds(s: f64) -> Duration {
    Duration::try_from_secs_f64(s.max(0.0)).unwrap_or(Duration::MAX)
}
