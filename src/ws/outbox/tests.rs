use proptest::prelude::*;

use super::*;
use crate::ws::frame::Kind;

fn event(seq: i64) -> Frame {
    Frame { seq: Seq(seq), kind: Kind::Live, text: vec![b'.'; 100].into() }
}

fn page(after: i64, seqs: impl IntoIterator<Item = i64>, rest: Rest) -> Page {
    Page { after: Seq(after), frames: seqs.into_iter().map(event).collect(), rest }
}

fn head(last: i64, trimmed_to: i64) -> StreamHead {
    StreamHead { last: Seq(last), trimmed_to: Seq(trimmed_to) }
}

fn begun(after: Option<i64>, head: StreamHead) -> Outbox {
    let mut outbox = Outbox::new();
    outbox.begin(after.map(Seq), head).unwrap();
    outbox
}

/// Everything that waits, as the numbers of events; a gap shows as the negative of its end.
fn taken(outbox: &mut Outbox) -> Vec<i64> {
    let number = |frame: &Frame| if frame.kind == Kind::Gap { -frame.seq.0 } else { frame.seq.0 };
    outbox.take(usize::MAX).iter().map(number).collect()
}

#[test]
fn without_after_a_session_is_live_from_the_head_on() {
    let mut outbox = begun(None, head(7, 3));

    assert_eq!(outbox.read_from(), Some(Seq(7)));
    assert_eq!(outbox.offer(&page(7, [8, 9], Rest::Nothing)), Offered::Done);
    assert_eq!(taken(&mut outbox), [8, 9]);
}

#[test]
fn after_the_head_is_refused() {
    assert_eq!(Outbox::new().begin(Some(Seq(8)), head(7, 0)), Err(AfterIsAhead));
    assert_eq!(Outbox::new().begin(Some(Seq(1)), StreamHead::default()), Err(AfterIsAhead));
}

#[test]
fn a_session_reads_page_after_page_until_it_is_live() {
    let mut outbox = begun(Some(1), head(5, 0));

    assert_eq!(outbox.start_page(), Some(Seq(1)));
    assert_eq!(outbox.take_page(&page(1, [2, 3], Rest::Maybe)), 2);
    assert_eq!(outbox.start_page(), None, "the socket has not taken the first page");
    assert_eq!(taken(&mut outbox), [2, 3]);
    assert_eq!(outbox.start_page(), Some(Seq(3)));
    assert_eq!(outbox.take_page(&page(3, [4, 5], Rest::Nothing)), 2);
    assert_eq!(outbox.read_from(), Some(Seq(5)));
}

#[test]
fn what_came_while_a_session_read_for_itself_is_read_once_more() {
    let mut outbox = begun(Some(1), head(2, 0));
    assert_eq!(outbox.start_page(), Some(Seq(1)));

    assert_eq!(outbox.read_from(), None);
    outbox.take_page(&page(1, [2], Rest::Nothing));

    assert_eq!(outbox.read_from(), None, "it must not be live before it has looked again");
    assert_eq!(taken(&mut outbox), [2]);
    assert_eq!(outbox.start_page(), Some(Seq(2)));
}

#[test]
fn what_came_between_entering_and_reading_the_head_is_looked_for() {
    let mut outbox = Outbox::new();

    assert_eq!(outbox.read_from(), None);
    outbox.begin(None, head(4, 0)).unwrap();

    assert_eq!(outbox.start_page(), Some(Seq(4)));
}

#[test]
fn what_retention_took_is_named() {
    let mut trimmed = begun(Some(2), head(9, 5));
    assert_eq!(taken(&mut trimmed), [-5]);
    assert_eq!(trimmed.start_page(), Some(Seq(5)));

    let mut holed = begun(None, head(5, 0));
    holed.offer(&page(5, [8, 9], Rest::Nothing));
    let frames = holed.take(1);
    assert_eq!(&*frames[0].text, br#"{"t":"gap","from":6,"to":7}"#);
    assert_eq!(taken(&mut holed), [8, 9]);
}

#[test]
fn a_stream_that_was_trimmed_to_its_end_is_all_gap() {
    let mut outbox = begun(Some(0), head(6, 6));

    assert_eq!(taken(&mut outbox), [-6]);
    assert_eq!(outbox.read_from(), Some(Seq(6)));
}

#[test]
fn a_page_that_begins_too_late_is_not_mistaken_for_a_gap() {
    let mut outbox = begun(None, head(5, 0));

    assert_eq!(outbox.offer(&page(7, [8], Rest::Nothing)), Offered::Again);

    assert_eq!(taken(&mut outbox), [0; 0]);
    assert_eq!(outbox.read_from(), Some(Seq(5)));
}

#[test]
fn a_full_outbox_leaves_the_rest_in_the_database() {
    let mut outbox = begun(None, head(0, 0));
    let max = i64::try_from(FRAMES_MAX).unwrap();

    outbox.offer(&page(0, 1..=max + 50, Rest::Nothing));

    assert_eq!(outbox.read_from(), None);
    assert_eq!(outbox.start_page(), None);
    assert_eq!(taken(&mut outbox), (1..=max).collect::<Vec<_>>());
    assert_eq!(outbox.start_page(), Some(Seq(max)));
}

#[test]
fn large_frames_fill_the_outbox_by_their_bytes_and_one_always_passes() {
    let large = |seq| Frame { seq: Seq(seq), kind: Kind::Live, text: vec![b'.'; BYTES_MAX + 1].into() };
    let mut outbox = begun(None, head(0, 0));

    outbox.offer(&Page { after: Seq(0), frames: vec![large(1), large(2)], rest: Rest::Nothing });

    assert_eq!(taken(&mut outbox), [1]);
    assert_eq!(outbox.bytes, 0);
    assert_eq!(outbox.start_page(), Some(Seq(1)));
}

/// What may happen to a session, in any order.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Somebody appends so many entries; whether the hint arrives is another step.
    Append(i64),
    /// The node asks the session from where to read.
    NodeAsks,
    /// The node reads from there, or from the cursor of another session, so far behind the head.
    NodeReads(i64),
    /// The node offers what it read.
    NodeOffers,
    /// The session begins to read for itself.
    SessionReads,
    /// It takes what it read.
    SessionTakes,
    /// The socket takes so many frames.
    SocketTakes(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (1..400_i64).prop_map(Step::Append),
        Just(Step::NodeAsks),
        (0..20_i64).prop_map(Step::NodeReads),
        Just(Step::NodeOffers),
        Just(Step::SessionReads),
        Just(Step::SessionTakes),
        (1..300_usize).prop_map(Step::SocketTakes),
    ];
    prop::collection::vec(step, 1..80)
}

fn read(after: Seq, last: i64, limit: i64) -> Page {
    let to = last.min(after.0 + limit);
    page(after.0, after.0 + 1..=to, if to - after.0 < limit { Rest::Nothing } else { Rest::Maybe })
}

proptest! {
    #[test]
    fn whatever_happens_the_socket_gets_every_number_once_and_in_order(start in 0..50_i64, steps in steps()) {
        let mut outbox = begun(Some(start), head(start + 10, 0));
        let (mut last, mut got) = (start + 10, Vec::new());
        let (mut asked, mut by_node, mut by_session) = (None, None, None);
        for step in steps {
            match step {
                Step::Append(count) => last += count,
                Step::NodeAsks => asked = Some(outbox.read_from()),
                Step::NodeReads(lag) => {
                    by_node = asked.take().map(|own| read(own.unwrap_or(Seq(last - lag)), last, 100));
                }
                Step::NodeOffers => drop(by_node.take().map(|page| outbox.offer(&page))),
                Step::SessionReads if by_session.is_none() => {
                    by_session = outbox.start_page().map(|after| read(after, last, 100));
                }
                Step::SessionTakes => drop(by_session.take().map(|page| outbox.take_page(&page))),
                Step::SocketTakes(max) => got.extend(outbox.take(max)),
                Step::SessionReads => {}
            }
            prop_assert!(outbox.frames.len() <= FRAMES_MAX);
        }
        // Then all goes quiet: whatever is missing must still be found.
        while got.last().map_or(start, |frame: &Frame| frame.seq.0) < last {
            if let Some(page) = by_session.take().or_else(|| outbox.start_page().map(|after| read(after, last, 100))) {
                outbox.take_page(&page);
            } else if let Some(after) = outbox.read_from() {
                outbox.offer(&read(after, last, 100));
            }
            got.extend(outbox.take(usize::MAX));
        }
        let numbers: Vec<i64> = got.iter().map(|frame| frame.seq.0).collect();
        prop_assert_eq!(numbers, (start + 1..=last).collect::<Vec<_>>());
        prop_assert!(got.iter().all(|frame| frame.kind == Kind::Live), "no gap was made up");
    }
}
