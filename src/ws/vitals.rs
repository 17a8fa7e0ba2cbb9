//! What time does to a session: it must greet, live, and have a token.

use std::time::Duration;

use tokio::time::Instant;

use super::end::End;

/// How long a client may take to say `hello`; then 4102.
pub(super) const HELLO_MAX: Duration = Duration::from_secs(5);
/// How long the database may take to say where a session begins; then 4101.
pub(super) const WELCOME_MAX: Duration = Duration::from_secs(15);
/// How long a client may take to answer a ping by any frame; then 4200.
pub(super) const PONG_MAX: Duration = Duration::from_secs(10);
/// How long before its token ends a client is asked for a fresher one, in seconds.
const WARN_S: i64 = 60;

/// The deadlines of one session. Looked at by the wheel, so a deadline is kept to the second.
#[derive(Debug)]
pub(super) struct Vitals {
    /// When the stage that it is in has lasted too long, and what it ends with then. `None` once it has begun.
    stage: Option<(Instant, End)>,
    ping_at: Instant,
    ping_every: Duration,
    pong_by: Option<Instant>,
    /// Seconds since 1970.
    token_exp: i64,
    is_warned: bool,
}

/// What a look at the clock asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Ask for a sign of life.
    Ping,
    /// Ask for a fresher token.
    Warn,
    /// It is over.
    End(End),
}

impl Vitals {
    /// A session that begins now. `share`, from 0 to 1, is where in the interval between pings its first one falls, so
    /// that sessions that came together are not pinged together.
    pub(super) fn new(now: Instant, ping_every: Duration, share: f64, token_exp: i64) -> Self {
        let ping_at = now + ping_every.mul_f64(share);
        Self { stage: None, ping_at, ping_every, pong_by: None, token_exp, is_warned: false }
    }

    /// From now on a `hello` is waited for.
    pub(super) fn await_hello(&mut self, now: Instant) {
        self.stage = Some((now + HELLO_MAX, End::HelloTimeout));
    }

    /// It came: the database is waited for.
    pub(super) fn await_welcome(&mut self, now: Instant) {
        self.stage = Some((now + WELCOME_MAX, End::Overloaded));
    }

    /// The session has begun.
    pub(super) fn begun(&mut self) {
        self.stage = None;
    }

    /// The client gave a sign of life.
    pub(super) fn heard(&mut self) {
        self.pong_by = None;
    }

    /// When the token ends, in seconds since 1970.
    pub(super) const fn token_exp(&self) -> i64 {
        self.token_exp
    }

    /// How often the client is pinged.
    pub(super) const fn ping_every(&self) -> Duration {
        self.ping_every
    }

    /// A fresher token came. One that ends earlier than the present one does not shorten the session.
    pub(super) fn renew(&mut self, token_exp: i64) {
        if token_exp > self.token_exp {
            self.token_exp = token_exp;
            self.is_warned = false;
        }
    }

    /// What is due, and after how long to look again. `wall` is the time in seconds since 1970.
    pub(super) fn look(&mut self, now: Instant, wall: i64) -> (Option<Due>, Duration) {
        if wall >= self.token_exp {
            return (Some(Due::End(End::TokenExpired)), Duration::ZERO);
        }
        if let Some((by, end)) = self.stage {
            let due = (now >= by).then_some(Due::End(end));
            return (due, self.soonest(now, wall, by));
        }
        if self.pong_by.is_some_and(|by| now >= by) {
            return (Some(Due::End(End::PongTimeout)), Duration::ZERO);
        }
        if !self.is_warned && wall >= self.token_exp.saturating_sub(WARN_S) {
            self.is_warned = true;
            return (Some(Due::Warn), self.soonest(now, wall, self.ping_at));
        }
        let due = (now >= self.ping_at).then_some(Due::Ping);
        if due.is_some() {
            self.ping_at = now + self.ping_every;
            // A further ping gives no more time for the first.
            self.pong_by.get_or_insert(now + PONG_MAX);
        }
        (due, self.soonest(now, wall, self.pong_by.map_or(self.ping_at, |by| by.min(self.ping_at))))
    }

    /// The time until `next`, or until the token asks for a look.
    fn soonest(&self, now: Instant, wall: i64, next: Instant) -> Duration {
        let at = if self.is_warned { self.token_exp } else { self.token_exp.saturating_sub(WARN_S) };
        let token = Duration::from_secs(u64::try_from(at.saturating_sub(wall)).unwrap_or(0));
        next.saturating_duration_since(now).min(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PING_EVERY: Duration = Duration::from_secs(25);

    fn vitals(now: Instant, token_exp: i64) -> Vitals {
        Vitals::new(now, PING_EVERY, 0.2, token_exp)
    }

    #[test]
    fn a_session_that_answers_is_pinged_for_ever() {
        let start = Instant::now();
        let mut vitals = vitals(start, i64::MAX);
        let mut now = start;
        let mut pings = 0;

        while now < start + PING_EVERY * 4 {
            let (due, after) = vitals.look(now, 0);
            assert_ne!(due, Some(Due::End(End::PongTimeout)));
            pings += u32::from(due == Some(Due::Ping));
            if due == Some(Due::Ping) {
                vitals.heard();
            }
            now += after.max(Duration::from_secs(1));
        }

        assert_eq!(pings, 4);
    }

    #[test]
    fn a_ping_that_nothing_answers_ends_the_session() {
        let start = Instant::now();
        let mut vitals = vitals(start, i64::MAX);
        let pinged = start + PING_EVERY / 5;

        assert_eq!(vitals.look(pinged, 0), (Some(Due::Ping), PONG_MAX));
        assert_eq!(vitals.look(pinged + PONG_MAX, 0).0, Some(Due::End(End::PongTimeout)));
    }

    #[test]
    fn a_further_ping_gives_no_more_time_for_the_first() {
        let start = Instant::now();
        let mut vitals = Vitals::new(start, Duration::from_secs(1), 0.0, i64::MAX);

        let mut ends =
            |seconds| vitals.look(start + Duration::from_secs(seconds), 0).0 == Some(Due::End(End::PongTimeout));

        assert_eq!((0..60).find(|seconds| ends(*seconds)), Some(PONG_MAX.as_secs()));
    }

    #[test]
    fn a_token_is_asked_for_once_and_the_session_never_outlives_it() {
        let now = Instant::now();
        let mut vitals = vitals(now, 1000);

        assert_eq!(vitals.look(now, 900), (None, PING_EVERY / 5));
        assert_eq!(vitals.look(now, 940).0, Some(Due::Warn));
        assert_eq!(vitals.look(now, 997), (None, Duration::from_secs(3)));
        assert_eq!(vitals.look(now, 1000).0, Some(Due::End(End::TokenExpired)));
        vitals.renew(2000);
        assert_eq!(vitals.look(now, 1000).0, None);
        vitals.renew(1500);
        assert_eq!(vitals.token_exp(), 2000);
    }

    #[test]
    fn each_stage_of_the_beginning_has_its_deadline() {
        let now = Instant::now();
        let mut vitals = vitals(now, i64::MAX);

        vitals.await_hello(now);
        assert_eq!(vitals.look(now, 0), (None, HELLO_MAX));
        assert_eq!(vitals.look(now + HELLO_MAX, 0).0, Some(Due::End(End::HelloTimeout)));
        vitals.await_welcome(now + HELLO_MAX);
        assert_eq!(vitals.look(now + HELLO_MAX, 0), (None, WELCOME_MAX));
        assert_eq!(vitals.look(now + HELLO_MAX + WELCOME_MAX, 0).0, Some(Due::End(End::Overloaded)));
        vitals.begun();
        assert_eq!(vitals.look(now + PING_EVERY, 0).0, Some(Due::Ping));
    }
}
