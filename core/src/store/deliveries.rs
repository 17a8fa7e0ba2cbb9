//! Claiming and loading deliveries, and what keeps a claim alive or ends it unsettled.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use sqlx::PgExecutor;

use super::events::{bounds, uuids};
use super::{Store, StoreError};
use crate::delivery::{Channel, Message, Ruling};
use crate::id::{EventId, LeaseId, UserId};
use crate::retry::Timing;

/// A lost try is burned; after this many the delivery is dead, since it may be what kills its workers.
const LOST_MAX: i32 = 3;
/// Leases rescued by one statement. The rest waits for the next look.
const RESCUE_MAX: i32 = 100;

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
    /// Where to begin.
    pub floor: Floor,
    /// How long the lease lasts unless renewed.
    pub lease: Duration,
}

/// Where a claim begins to look. What was claimed before leaves its entries in the index until a vacuum, or as long as
/// somebody holds a snapshot: a claim that begins behind them does not pay for them.
#[derive(Clone, Copy, Debug)]
pub enum Floor {
    /// At the oldest that there is.
    Everything,
    /// At what came due so long ago.
    Age(Duration),
    /// Behind the last one of a batch.
    After(Place),
}

/// A delivery's place in its channel's queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    due_at: Timestamp,
    event_id: EventId,
}

/// What kind of delivery is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// The ordinary kind, in batches.
    Ordinary,
    /// The kind whose last worker died with it, alone.
    Quarantined,
}

/// A leased batch, in the order in which it came due. Nothing of it is loaded yet.
#[derive(Debug)]
pub struct Claimed {
    /// What holds it; never empty.
    pub lease: LeaseId,
    channel: Channel,
    deliveries: Vec<ClaimedDelivery>,
}

impl Claimed {
    /// The events whose deliveries it holds.
    pub fn ids(&self) -> Vec<EventId> {
        column(&self.deliveries, |one| one.place.event_id)
    }

    /// How many deliveries it holds.
    pub fn count(&self) -> usize {
        self.deliveries.len()
    }

    /// The place of the last of them.
    pub fn end(&self) -> Option<Place> {
        self.deliveries.last().map(|last| last.place)
    }
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
    /// Leases due deliveries; `None` when nothing is due. They are the caller's to load, or to give back.
    pub async fn claim(&self, claim: Claim<'_>) -> Result<Option<Claimed>, StoreError> {
        let (after, age) = match claim.floor {
            Floor::Everything => (None, None),
            Floor::Age(age) => (None, Some(age.as_secs_f64())),
            Floor::After(place) => (Some(place), None),
        };
        let batch = sqlx::query_file!(
            "src/store/sql/claim.sql",
            claim.channel.as_str(),
            claim.load == Load::Quarantined,
            claim.worker,
            claim.limit,
            claim.lease.as_secs_f64(),
            after.map(|place| place.due_at.to_sqlx()) as _,
            after.map(|place| place.event_id.uuid()),
            age,
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(batch) = batch else { return Ok(None) };
        let now = batch.now.to_jiff();
        let since = |at: Timestamp| now.duration_since(at).try_into().unwrap_or_default();
        let until = |at: SqlTimestamp| at.to_jiff().duration_since(now).try_into().unwrap_or_default();
        let names = batch.event_ids.into_iter().zip(batch.user_ids).zip(batch.attempts);
        let times = batch.due_at.into_iter().zip(batch.since).zip(batch.expires_at);
        let mut deliveries: Vec<ClaimedDelivery> = names
            .zip(times)
            .map(|(((event_id, user_id), attempt), ((due_at, first_due_at), expires_at))| ClaimedDelivery {
                place: Place { due_at: due_at.to_jiff(), event_id: EventId::from_row(event_id) },
                user_id: UserId::from_row(user_id),
                attempt: u32::try_from(attempt).unwrap_or(u32::MAX),
                lag: since(due_at.to_jiff()),
                timing: Timing { age: since(first_due_at.to_jiff()), expires_in: expires_at.map(until) },
            })
            .collect();
        deliveries.sort_unstable_by_key(|one| one.place);
        Ok(Some(Claimed { lease: LeaseId::from_row(batch.lease_id), channel: claim.channel, deliveries }))
    }

    /// Loads what sending a claimed batch takes, in its order. What has lost its event is left out.
    pub async fn load(&self, claimed: &Claimed) -> Result<Vec<Message>, StoreError> {
        let Claimed { lease, channel, deliveries } = claimed;
        let ids = claimed.ids();
        let users: Vec<UserId> = deliveries.iter().map(|one| one.user_id).collect();
        let tried: Vec<EventId> =
            deliveries.iter().filter(|one| one.attempt > 1).map(|one| one.place.event_id).collect();
        let (mut events, rulings, mut contacts, settled) = tokio::try_join!(
            self.claimed_events(&ids),
            self.rulings(*channel, &ids, &users),
            self.contacts(*channel, &users),
            self.settled_targets(*channel, &tried),
        )?;
        Ok(deliveries
            .iter()
            .filter_map(|one| {
                let event = events.remove(&one.place.event_id)?;
                let done = settled.get(&event.id);
                let contact = contacts.of(&event, |target| done.is_some_and(|done| done.contains_key(target)));
                Some(Message {
                    lease: *lease,
                    attempt: one.attempt,
                    timing: one.timing,
                    lag: one.lag,
                    ruling: rulings.get(&event.id).copied().unwrap_or(Ruling::Send),
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
        let ids = uuids(ids);
        let Some((first, last)) = bounds(&ids) else { return Ok(settled) };
        let rows = sqlx::query_file!("src/store/sql/settled_targets.sql", &ids, first, last, channel.as_str())
            .fetch_all(&self.pool)
            .await?;
        for row in rows {
            settled.entry(EventId::from_row(row.event_id)).or_default().insert(row.target, row.was_sent);
        }
        Ok(settled)
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

/// One of a claimed batch.
#[derive(Debug)]
struct ClaimedDelivery {
    place: Place,
    user_id: UserId,
    attempt: u32,
    lag: Duration,
    timing: Timing,
}

pub(super) fn column<'a, S, T>(rows: &'a [S], field: impl Fn(&'a S) -> T) -> Vec<T> {
    rows.iter().map(field).collect()
}

/// The database answers seconds as a number; a moment that has passed counts as zero.
pub(super) fn seconds(s: f64) -> Duration {
    Duration::try_from_secs_f64(s.max(0.0)).unwrap_or(Duration::MAX)
}
