//! How much to claim at once.

use std::time::{Duration, Instant};

/// A batch is what goes in this time, but at least the usual one and at most `GROWTH_MAX` of them: a quarter of what 500
/// deliveries cost that are sent in no time is the same for 2,000, round trips and commits. A slow channel does not hold
/// more for that: what is held is kept from other workers, and tried alone should this one die.
const AHEAD: Duration = Duration::from_millis(50);
/// The largest batch, in usual ones.
const GROWTH_MAX: usize = 4;

/// Measures how fast a worker's deliveries go.
#[derive(Debug)]
pub(crate) struct Pace {
    usual: usize,
    batch: usize,
    /// When it was measured last, and how many had gone by then.
    measured: (Instant, usize),
}

impl Pace {
    pub(crate) fn new(usual: usize, now: Instant) -> Self {
        Self { usual, batch: usual, measured: (now, 0) }
    }

    /// The size of the next batch. `gone` is how many deliveries have been settled or given back so far.
    pub(crate) fn batch(&mut self, now: Instant, gone: usize) -> usize {
        let (since, before) = self.measured;
        let took = now.duration_since(since);
        if took >= AHEAD {
            let went = u128::try_from(gone - before).unwrap_or_default();
            let ahead = usize::try_from(went * AHEAD.as_nanos() / took.as_nanos()).unwrap_or(usize::MAX);
            self.batch = ahead.clamp(self.usual, self.usual * GROWTH_MAX);
            self.measured = (now, gone);
        }
        self.batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: usize = 500;

    /// The batch after so many went in each of the periods, one after the other.
    fn batch_after(periods: &[(Duration, usize)]) -> usize {
        let (mut now, mut gone) = (Instant::now(), 0);
        let mut pace = Pace::new(USUAL, now);
        for (took, went) in periods {
            now += *took;
            gone += went;
            pace.batch(now, gone);
        }
        pace.batch(now, gone)
    }

    #[test]
    fn a_fast_channel_claims_what_goes_while_it_looks_ahead() {
        assert_eq!(batch_after(&[(AHEAD, 1_200)]), 1_200);
        assert_eq!(batch_after(&[(4 * AHEAD, 4_000)]), 1_000);
    }

    #[test]
    fn a_batch_stays_within_its_bounds() {
        assert_eq!(batch_after(&[]), USUAL);
        assert_eq!(batch_after(&[(AHEAD, 3)]), USUAL);
        assert_eq!(batch_after(&[(AHEAD, 1_000_000)]), USUAL * GROWTH_MAX);
    }

    #[test]
    fn a_burst_shorter_than_what_is_looked_ahead_is_no_pace() {
        assert_eq!(batch_after(&[(AHEAD / 2, 1_200)]), USUAL);
    }

    #[test]
    fn a_channel_that_slows_down_claims_less_again() {
        assert_eq!(batch_after(&[(AHEAD, 1_200), (AHEAD, 40)]), USUAL);
    }
}
