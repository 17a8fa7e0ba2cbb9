//! Where a session begins: after what its client, its device or its person has got to.

use eventcenter_core::id::Seq;
use eventcenter_core::store::StreamStart;

use super::frame::Lost;
use super::resume::Position;

/// What a client says of where it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Beginning {
    /// From its resume token.
    pub(super) position: Option<Position>,
    /// The last number that it has seen.
    pub(super) after: Option<Seq>,
    /// How many replayed events may be sent beyond the last acknowledged one.
    pub(super) window: Option<u16>,
}

/// Where a session begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// What follows this comes.
    pub(super) from: Seq,
    /// Numbers, both included, that never come, and why.
    pub(super) lost: Option<(Seq, Seq, Lost)>,
    /// Whether the position that the client gave was taken over.
    pub(super) resumed: bool,
}

impl Beginning {
    /// Where a session of the whole protocol begins.
    pub(super) fn origin(&self, start: &StreamStart) -> Origin {
        let last = start.head.last;
        let all = |why| Origin { from: last, lost: Some((Seq(1), last, why)), resumed: false };
        if self.position.is_some_and(|position| position.epoch != start.epoch) {
            return all(Lost::Epoch);
        }
        let given = self.position.map(|position| position.seq).max(self.after);
        if given.is_some_and(|given| given > last) {
            return all(Lost::Ahead);
        }
        // A cursor of ours beyond the end would be from before a backup that brought back streams and not devices.
        let acked = start.device.or(start.furthest).map(|acked| acked.min(last));
        match given.or(acked) {
            Some(seq) => {
                let origin = after(seq, start.head.trimmed_to);
                Origin { resumed: origin.resumed && given.is_some(), ..origin }
            }
            None => Origin { from: start.head.trimmed_to, lost: None, resumed: false },
        }
    }

    /// Where a plain stream begins: after `after`, else at the end. `None` when `after` lies beyond that.
    pub(super) fn plain(&self, start: &StreamStart) -> Option<Origin> {
        let from = self.after.unwrap_or(start.head.last);
        (from <= start.head.last).then(|| after(from, start.head.trimmed_to))
    }
}

/// After `seq`, or after what retention has taken beyond it.
fn after(seq: Seq, trimmed_to: Seq) -> Origin {
    if seq >= trimmed_to {
        return Origin { from: seq, lost: None, resumed: true };
    }
    Origin { from: trimmed_to, lost: Some((Seq(seq.0 + 1), trimmed_to, Lost::Retention)), resumed: false }
}

#[cfg(test)]
mod tests {
    use eventcenter_core::id::Epoch;
    use eventcenter_core::store::StreamHead;

    use super::*;

    fn epoch(name: &str) -> Epoch {
        Epoch::parse(name).unwrap()
    }

    /// A stream that holds 11 to 100; the device has acknowledged 50, another one 60.
    fn start() -> StreamStart {
        StreamStart {
            epoch: epoch("the_same"),
            head: StreamHead { last: Seq(100), trimmed_to: Seq(10) },
            device: Some(Seq(50)),
            furthest: Some(Seq(60)),
        }
    }

    fn origin(token: Option<(&str, i64)>, after: Option<i64>, start: &StreamStart) -> Origin {
        let position = token.map(|(name, seq)| Position { epoch: epoch(name), seq: Seq(seq) });
        Beginning { position, after: after.map(Seq), window: None }.origin(start)
    }

    /// Where the client said.
    fn resumed(seq: i64) -> Origin {
        Origin { from: Seq(seq), lost: None, resumed: true }
    }

    /// Where we say.
    fn fresh(seq: i64) -> Origin {
        Origin { resumed: false, ..resumed(seq) }
    }

    fn lost(first: i64, last: i64, why: Lost) -> Origin {
        Origin { from: Seq(last), lost: Some((Seq(first), Seq(last), why)), resumed: false }
    }

    #[test]
    fn what_the_client_says_counts_before_what_we_know() {
        assert_eq!(origin(Some(("the_same", 70)), None, &start()), resumed(70));
        assert_eq!(origin(Some(("the_same", 70)), Some(80), &start()), resumed(80));
        assert_eq!(origin(Some(("the_same", 70)), Some(20), &start()), resumed(70));
        assert_eq!(origin(None, Some(20), &start()), resumed(20));
        assert_eq!(origin(None, Some(100), &start()), resumed(100));
    }

    #[test]
    fn without_a_position_the_device_goes_on_and_a_new_one_where_the_furthest_is() {
        assert_eq!(origin(None, None, &start()), fresh(50));
        assert_eq!(origin(None, None, &StreamStart { device: None, ..start() }), fresh(60));
        assert_eq!(origin(None, None, &StreamStart { device: None, furthest: None, ..start() }), fresh(10));
        assert_eq!(origin(None, None, &StreamStart { device: Some(Seq(200)), ..start() }), fresh(100));
    }

    #[test]
    fn what_is_lost_is_named() {
        assert_eq!(origin(Some(("the_same", 3)), None, &start()), lost(4, 10, Lost::Retention));
        assert_eq!(origin(None, None, &StreamStart { device: Some(Seq(9)), ..start() }), lost(10, 10, Lost::Retention));
        assert_eq!(origin(Some(("another_", 70)), Some(80), &start()), lost(1, 100, Lost::Epoch));
        assert_eq!(origin(Some(("the_same", 101)), None, &start()), lost(1, 100, Lost::Ahead));
        assert_eq!(origin(None, Some(101), &start()), lost(1, 100, Lost::Ahead));
    }

    #[test]
    fn a_plain_stream_begins_after_a_number_or_at_the_end() {
        let plain = |after: Option<i64>| Beginning { after: after.map(Seq), ..Beginning::default() }.plain(&start());

        assert_eq!(plain(None), Some(resumed(100)));
        assert_eq!(plain(Some(99)), Some(resumed(99)));
        assert_eq!(plain(Some(0)), Some(lost(1, 10, Lost::Retention)));
        assert_eq!(plain(Some(101)), None);
    }
}
