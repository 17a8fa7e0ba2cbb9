//! The keeper: one process at a time that looks after what nobody announces.
//!
//! Producers never notify, since NOTIFY takes a database-wide lock at commit. So the keeper looks, at a pace of its own: it
//! moves due ws deliveries into their streams, and tells the workers of other channels what is due. It also rescues
//! expired leases, makes and drops partitions, and trims. Its lock is its session's: when it dies, another takes over.

use std::fmt;
use std::time::{Duration, Instant};

use eventcenter_core::delivery::Channel;
use eventcenter_core::metrics::{APPENDED, KEEPER};
use eventcenter_core::store::{KeeperSession, Store, StoreError};
use eventcenter_core::tasks::Tasks;
use metrics::{counter, gauge};

use chores::Chores;

mod chores;

/// How often the others ask whether the keeper is gone.
const TAKE_OVER: Duration = Duration::from_millis(200);
/// Deliveries appended at once.
const APPEND_MAX: i32 = 1000;
/// After so many the next follow without a pause: meanwhile as many have come. Under a load that fills the machine a
/// pause costs its people several times its length, since all that came in it has to be appended, too.
const MANY: i32 = 10;
/// As for claims: how far below now a look reaches, and how often it reaches for everything.
const FLOOR: Duration = Duration::from_secs(5);
const SWEEP: Duration = Duration::from_secs(2);
/// After so long without a direct insert the keeper looks a quarter as often.
const QUIET: Duration = Duration::from_secs(5);
/// A busy channel's workers need no reminder: at most one so often.
const REMIND: Duration = Duration::from_millis(100);
/// How long revocations are kept: longer than any token may live.
const REVOCATIONS_KEPT: Duration = Duration::from_hours(31 * 24);
/// How often partitions and retention are seen to.
const UPKEEP: Duration = Duration::from_hours(1);
/// Partitions are made so many days ahead: a keeper may be away for a week before the default partition is needed.
const DAYS_AHEAD: i32 = 8;
/// Rows that one statement of the upkeep deletes, so that none of them is long.
const TRIM_MAX: i32 = 10_000;
/// How often a partition that is in use is tried again before the next hour.
const DROP_TRIES: u32 = 10;

/// How the keeper keeps. Its Debug leaves out the URL, which holds a password.
#[derive(Clone)]
pub struct KeeperSettings {
    /// A URL that leads to Postgres itself, or to a pooler in session mode: the lock belongs to a session.
    pub url: String,
    /// The pause between looks. A direct insert stays unseen for at most this long, or four times as long after 5
    /// quiet seconds.
    pub look: Duration,
    /// Days for which events and their attempts are kept.
    pub event_days: i32,
    /// Days for which people's inboxes are kept.
    pub inbox_days: i32,
}

impl fmt::Debug for KeeperSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url: _, look, event_days, inbox_days } = self;
        f.debug_struct("KeeperSettings")
            .field("look", look)
            .field("event_days", event_days)
            .field("inbox_days", inbox_days)
            .finish_non_exhaustive()
    }
}

/// Keeps house, or waits to take over, until `tasks` stop.
pub async fn run(store: Store, settings: KeeperSettings, tasks: Tasks) {
    gauge!(KEEPER).set(0.0);
    while !tasks.is_stopping() {
        if let Err(error) = stand_by(&store, &settings, &tasks).await {
            tracing::warn!(%error, "stopped keeping house, or waiting to");
        }
        gauge!(KEEPER).set(0.0);
        tasks.pause(TAKE_OVER).await;
    }
}

async fn stand_by(store: &Store, settings: &KeeperSettings, tasks: &Tasks) -> Result<(), StoreError> {
    let mut session = KeeperSession::connect(&settings.url).await?;
    while !session.try_lock().await? {
        if tasks.pause(TAKE_OVER).await {
            return session.end().await;
        }
    }
    gauge!(KEEPER).set(1.0);
    tracing::info!("keeping house");
    keep(session, store, settings, tasks).await
}

async fn keep(
    mut session: KeeperSession,
    store: &Store,
    settings: &KeeperSettings,
    tasks: &Tasks,
) -> Result<(), StoreError> {
    tasks.spawn(upkeep(store.clone(), settings.clone(), tasks.clone()));
    let mut sweep = Every::new(SWEEP);
    let mut chores = Chores::new();
    let mut upkeep_due = Every::starting_later(UPKEEP);
    let mut remind = Every::new(REMIND);
    let mut pace = Pace::new(settings.look);
    let mut look = Every::new(REMIND);
    let mut appended = 0;
    // A sweep that was full left something below the floor.
    let mut is_behind = false;
    while !tasks.is_stopping() {
        let floor = if sweep.is_due() || is_behind { None } else { Some(FLOOR) };
        // Where something was found there is likely more, and people wait for it: the look is for the others then.
        let mut due = if appended == 0 || look.is_due() { session.look(FLOOR).await? } else { vec![Channel::Ws] };
        appended = 0;
        if floor.is_none() || due.contains(&Channel::Ws) {
            appended = session.append_due(APPEND_MAX, floor).await?;
            counter!(APPENDED).increment(u64::from(appended.unsigned_abs()));
        }
        pace.saw(&due);
        due.retain(|channel| *channel != Channel::Ws);
        if !due.is_empty() && remind.is_due() {
            session.notify_due(&due).await?;
        }
        chores.tend(&mut session).await?;
        if upkeep_due.is_due() {
            tasks.spawn(upkeep(store.clone(), settings.clone(), tasks.clone()));
        }
        is_behind = appended >= APPEND_MAX && floor.is_none();
        if appended < MANY {
            tasks.pause(pace.pause()).await;
        }
    }
    session.end().await
}

/// Makes tomorrow's partitions and forgets what is past keeping.
async fn upkeep(store: Store, settings: KeeperSettings, tasks: Tasks) {
    let done = async {
        store.create_partitions(DAYS_AHEAD).await?;
        while !tasks.is_stopping() && store.trim_inbox(settings.inbox_days, TRIM_MAX).await? >= i64::from(TRIM_MAX) {}
        store.forget_tickets().await?;
        store.forget_revocations(REVOCATIONS_KEPT).await?;
        // A day that cannot go yet keeps nothing else from being forgotten.
        let dropped = drop_partitions(&store, settings.event_days, &tasks).await;
        while !tasks.is_stopping() && store.forget_keys(TRIM_MAX).await? >= i64::from(TRIM_MAX) {}
        dropped
    };
    if let Err(error) = done.await {
        tracing::warn!(%error, "upkeep is incomplete; it is tried again in an hour");
    }
}

async fn drop_partitions(store: &Store, keep_days: i32, tasks: &Tasks) -> Result<(), StoreError> {
    let mut tries = 0;
    while !tasks.is_stopping() {
        match store.drop_partition(keep_days).await {
            Ok(Some(day)) => tracing::info!(%day, "dropped a day past keeping"),
            Ok(None) => break,
            Err(StoreError::Locked(_)) if tries < DROP_TRIES => {
                tries += 1;
                tasks.pause(Duration::from_secs(1)).await;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// How long the keeper pauses between two looks: a fifth of the configured time while direct inserts come in, so that
/// their wait is mostly the work; four times that time once nothing came for a while, so that idleness costs little.
struct Pace {
    look: Duration,
    last_seen: Instant,
}

impl Pace {
    fn new(look: Duration) -> Self {
        Self { look, last_seen: Instant::now() }
    }

    fn saw(&mut self, due: &[Channel]) {
        if due.contains(&Channel::Ws) {
            self.last_seen = Instant::now();
        }
    }

    fn pause(&self) -> Duration {
        let quiet = self.last_seen.elapsed();
        if quiet < self.look {
            self.look / 5
        } else if quiet < QUIET {
            self.look
        } else {
            self.look * 4
        }
    }
}

/// Something to do once in a while within a faster loop.
struct Every {
    pause: Duration,
    last: Option<Instant>,
}

impl Every {
    const fn new(pause: Duration) -> Self {
        Self { pause, last: None }
    }

    fn starting_later(pause: Duration) -> Self {
        Self { pause, last: Some(Instant::now()) }
    }

    /// Whether it is time; if so, the next time is one pause away.
    fn is_due(&mut self) -> bool {
        let is_due = self.last.is_none_or(|last| last.elapsed() >= self.pause);
        if is_due {
            self.last = Some(Instant::now());
        }
        is_due
    }

    /// There is more of it: at the next look, it is time.
    const fn again(&mut self) {
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_shown_without_the_password() {
        let url = "postgres://keeper:hunter2@db/ec".to_owned();
        let settings = KeeperSettings { url, look: Duration::from_millis(25), event_days: 180, inbox_days: 90 };

        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}
