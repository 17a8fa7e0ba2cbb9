use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::ws::frame::Frame;

fn event(seq: i64) -> StreamFrame {
    StreamFrame { seq: Seq(seq), kind: Kind::Live, frame: Frame::text(&[b'.'; 100]) }
}

fn page(after: i64, seqs: impl IntoIterator<Item = i64>, rest: Rest) -> Page {
    Page { after: Seq(after), frames: seqs.into_iter().map(event).collect(), rest }
}

fn begun(from: i64, last: i64) -> Outbox {
    begun_with(from, last, None)
}

fn begun_with(from: i64, last: i64, window: Option<u16>) -> Outbox {
    let mut outbox = Outbox::new();
    outbox.begin(Seq(from), StreamHead { last: Seq(last), trimmed_to: Seq(0) }, window);
    outbox
}

/// Everything that waits, as the numbers of events; a gap shows as the negative of its end.
fn taken(outbox: &mut Outbox) -> Vec<i64> {
    let number = |frame: &StreamFrame| if frame.kind == Kind::Gap { -frame.seq.0 } else { frame.seq.0 };
    outbox.take(usize::MAX).iter().map(number).collect()
}

#[test]
fn who_begins_at_the_head_is_live_from_there_on() {
    let mut outbox = begun(7, 7);

    assert_eq!(outbox.read_from(), Some(Seq(7)));
    assert_eq!(outbox.offer(&page(7, [8, 9], Rest::Nothing)), Offered::Done);
    assert_eq!(taken(&mut outbox), [8, 9]);
    assert_eq!((outbox.kind_of(Seq(7)), outbox.kind_of(Seq(8))), (Kind::Replay, Kind::Live));
}

#[test]
fn a_session_gets_page_after_page_until_it_is_live() {
    let mut outbox = begun(1, 5);

    assert!(outbox.asks());
    assert!(!outbox.asks(), "once is enough");
    assert_eq!(outbox.start_page(), (Seq(1), PAGE_FIRST));
    outbox.take_page(&page(1, [2, 3], Rest::Maybe));
    assert!(!outbox.asks(), "the client has not taken the first page");
    assert_eq!(taken(&mut outbox), [2, 3]);
    assert!(outbox.asks());
    assert_eq!(outbox.start_page(), (Seq(3), PAGE_MIN));
    outbox.take_page(&page(3, [4, 5], Rest::Nothing));
    assert_eq!(outbox.read_from(), Some(Seq(5)));
}

#[test]
fn what_came_while_a_page_was_read_is_looked_for_once_more() {
    let mut outbox = begun(1, 2);
    assert!(outbox.asks());
    outbox.start_page();

    assert_eq!(outbox.read_from(), None);
    outbox.take_page(&page(1, [2], Rest::Nothing));

    assert_eq!(outbox.read_from(), None, "it must not be live before it has looked again");
    assert_eq!(taken(&mut outbox), [2]);
    assert!(outbox.asks());
}

#[test]
fn what_came_between_entering_and_reading_the_head_is_looked_for() {
    let mut outbox = Outbox::new();

    assert_eq!(outbox.read_from(), None);
    outbox.begin(Seq(4), StreamHead { last: Seq(4), trimmed_to: Seq(0) }, None);

    assert!(outbox.asks());
}

#[test]
fn what_is_missing_for_ever_is_named() {
    let mut outbox = begun(5, 5);
    outbox.offer(&page(5, [8, 9], Rest::Nothing));

    let frames = outbox.take(1);

    assert_eq!(
        frames[0].frame.json(),
        Bytes::from_static(br#"{"t":"gap","from":6,"to":7,"reason":"retention","sync":"/api/inbox"}"#)
    );
    assert_eq!(taken(&mut outbox), [8, 9]);
    outbox.trim(Seq(9));
    assert_eq!(taken(&mut outbox), [0; 0]);
    outbox.trim(Seq(12));
    assert_eq!(taken(&mut outbox), [-12]);
    assert_eq!(outbox.read_from(), Some(Seq(12)));
}

#[test]
fn a_page_that_begins_too_late_is_not_mistaken_for_a_gap() {
    let mut outbox = begun(5, 5);

    assert_eq!(outbox.offer(&page(7, [8], Rest::Nothing)), Offered::Again);

    assert_eq!(taken(&mut outbox), [0; 0]);
    assert_eq!(outbox.read_from(), Some(Seq(5)));
}

#[test]
fn a_full_outbox_leaves_the_rest_in_the_database() {
    let mut outbox = begun(0, 0);
    let max = i64::try_from(FRAMES_MAX).unwrap();

    outbox.offer(&page(0, 1..=max + 50, Rest::Nothing));

    assert_eq!(outbox.read_from(), None);
    assert!(!outbox.asks());
    assert_eq!(taken(&mut outbox).last(), Some(&max));
    assert!(outbox.asks());
    assert_eq!(outbox.start_page().0, Seq(max));
}

#[test]
fn a_frame_larger_than_an_outbox_passes_alone() {
    let large = |seq| StreamFrame { seq: Seq(seq), kind: Kind::Live, frame: Frame::text(&vec![b'.'; BYTES_MAX]) };
    let mut outbox = begun(0, 0);

    outbox.offer(&Page { after: Seq(0), frames: vec![large(1), large(2)], rest: Rest::Nothing });

    assert_eq!(taken(&mut outbox), [1]);
    assert!(outbox.asks());
}

#[test]
fn replay_stays_within_the_window_and_what_is_live_does_not_need_it() {
    let mut outbox = begun_with(10, 100, Some(3));
    assert!(outbox.asks());
    outbox.take_page(&page(10, 11..=30, Rest::Maybe));
    assert_eq!(taken(&mut outbox), [11, 12, 13]);

    assert!(!outbox.asks(), "nothing was acknowledged");
    outbox.acknowledge(Seq(12));
    assert!(outbox.asks());
    outbox.take_page(&page(13, 14..=30, Rest::Maybe));
    assert_eq!(taken(&mut outbox), [14, 15]);

    let mut live = begun_with(5, 5, Some(1));
    live.offer(&page(5, 6..=9, Rest::Nothing));
    assert_eq!(taken(&mut live), [6, 7, 8, 9]);
}

#[test]
fn a_gap_takes_no_room_in_the_window() {
    let mut outbox = begun_with(0, 100, Some(2));
    assert!(outbox.asks());

    outbox.take_page(&page(0, [1, 90, 91], Rest::Maybe));

    assert_eq!(taken(&mut outbox), [1, -89, 90]);
    outbox.acknowledge(Seq(90));
    assert!(outbox.asks());
    outbox.take_page(&page(90, 91..=100, Rest::Nothing));
    assert_eq!(taken(&mut outbox), [91, 92]);
}

proptest! {
    /// Whatever the order of wakes, pages, slow clients and acks: each number once, in order, and none forgotten.
    #[test]
    fn each_number_comes_once_and_in_order(
        start in 0_i64..5,
        window in prop_oneof![Just(None), (1_u16..8).prop_map(Some)],
        steps in prop::collection::vec((0_u8..5, 1_i64..40), 1..200),
    ) {
        let mut last = start + 10;
        let mut outbox = begun_with(start, last, window);
        let read = |after: Seq, last: i64, limit: usize| {
            let seqs: Vec<i64> = (after.0 + 1..=last).take(limit).collect();
            let rest = if seqs.len() < limit { Rest::Nothing } else { Rest::Maybe };
            page(after.0, seqs, rest)
        };
        let mut got: Vec<StreamFrame> = Vec::new();
        let mut is_asked = false;
        let finish = (0..2000).map(|i| [(0, 0), (2, 0), (3, 256), (4, 0)][i % 4]);
        for (step, n) in steps.into_iter().chain(finish) {
            match step {
                0 => if let Some(after) = outbox.read_from() {
                    outbox.offer(&read(after, last, 7));
                },
                1 => last += n % 5,
                2 => {
                    is_asked |= outbox.asks();
                    if std::mem::take(&mut is_asked) {
                        let (after, limit) = outbox.start_page();
                        outbox.take_page(&read(after, last, limit.into()));
                    }
                }
                3 => got.extend(outbox.take(usize::try_from(n).unwrap())),
                _ => outbox.acknowledge(got.last().map_or(Seq(start), |frame| frame.seq)),
            }
            prop_assert!(outbox.frames.len() <= FRAMES_MAX);
        }
        let numbers: Vec<i64> = got.iter().map(|frame| frame.seq.0).collect();
        prop_assert_eq!(numbers, (start + 1..=last).collect::<Vec<_>>());
        prop_assert!(got.iter().all(|frame| frame.kind == Kind::Live), "no gap was made up");
    }
}
