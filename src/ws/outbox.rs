//! What one session still has to be told of its stream. No I/O: the node reads into it, the session is sent from it.
//!
//! While it is live, the node brings what is new to all sessions of a person at once. When it is behind (at first, and
//! whenever it was full) the node reads a page for it alone. Both put in what follows the cursor and nothing else, so
//! the person gets each number once, in order.

use std::collections::VecDeque;

use eventcenter_core::id::Seq;
use eventcenter_core::store::StreamHead;

use super::frame::{Kind, Lost, StreamFrame};

/// Frames that may wait for a client. When they are that many, the session leaves the rest in the database until the
/// client has taken them.
const FRAMES_MAX: usize = 256;
/// Bytes that may wait for a client, in frames; a single larger frame still passes. When full: as above.
const BYTES_MAX: usize = 128 * 1024;
/// Entries of the first page that is read for one session; the next has twice as many as found room.
const PAGE_FIRST: u16 = 32;
/// At most so many.
const PAGE_MAX: u16 = 128;
/// And at least, however large they are.
const PAGE_MIN: u16 = 4;

/// A piece of a stream: every event after `after`, in order, up to the last frame.
#[derive(Debug)]
pub(super) struct Page {
    /// Where it was read from.
    pub(super) after: Seq,
    /// What follows. A number that is missing before another is gone for ever.
    pub(super) frames: Vec<StreamFrame>,
    /// Whether there may be more.
    pub(super) rest: Rest,
}

/// What lies behind a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// Nothing, when it was read.
    Nothing,
    /// The page was full.
    Maybe,
}

/// Whether the reader is done with a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offered {
    /// It took what it needs, or is behind.
    Done,
    /// The page began too late for it.
    Again,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    /// Nobody knows yet where it begins.
    Waiting,
    /// The node brings what is new.
    Live,
    /// It needs a page of its own.
    Behind,
    /// The node has been asked for one.
    Asked,
}

#[derive(Debug)]
pub(super) struct Outbox {
    pace: Pace,
    /// The stream has grown since the last look, while the session was not live.
    has_grown: bool,
    /// Everything up to here was put in, or never asked for.
    cursor: Seq,
    /// Up to here events are replayed.
    replay_to: Seq,
    /// What was acknowledged last, and so many replayed numbers may be put in beyond it; without a window, any number.
    acked: Seq,
    window: Option<u16>,
    /// Numbers beyond `acked` that gaps took, and the end of the last gap. They count for nothing.
    holes: i64,
    hole_to: Seq,
    page: u16,
    frames: VecDeque<StreamFrame>,
    bytes: usize,
}

impl Outbox {
    /// One whose cursor is not known. The node must know of it before it reads the stream's head: what comes in between
    /// is then noticed as growth.
    pub(super) const fn new() -> Self {
        Self {
            pace: Pace::Waiting,
            has_grown: false,
            cursor: Seq(0),
            replay_to: Seq(0),
            acked: Seq(0),
            window: None,
            holes: 0,
            hole_to: Seq(0),
            page: PAGE_FIRST,
            frames: VecDeque::new(),
            bytes: 0,
        }
    }

    /// Begins after `from`; what the stream holds up to its head is replayed.
    pub(super) fn begin(&mut self, from: Seq, head: StreamHead, window: Option<u16>) {
        self.cursor = from;
        self.replay_to = head.last;
        self.acked = from;
        self.holes = 0;
        self.window = window;
        self.pace = if from < head.last || self.has_grown { Pace::Behind } else { Pace::Live };
    }

    /// What the stream holds up to here is replay.
    pub(super) const fn kind_of(&self, seq: Seq) -> Kind {
        if seq.0 <= self.replay_to.0 { Kind::Replay } else { Kind::Live }
    }

    /// Where events begin to be live.
    pub(super) const fn replay_to(&self) -> Seq {
        self.replay_to
    }

    /// The cursor from which the node should read for this session among others; `None` when it is not live, and then
    /// it looks for itself once more.
    pub(super) const fn read_from(&mut self) -> Option<Seq> {
        match self.pace {
            Pace::Live => Some(self.cursor),
            Pace::Waiting | Pace::Behind | Pace::Asked => {
                self.has_grown = true;
                None
            }
        }
    }

    /// Takes what the node read, if live. One that is full falls behind.
    pub(super) fn offer(&mut self, page: &Page) -> Offered {
        if self.pace != Pace::Live {
            return Offered::Done;
        }
        // It went live after the node had asked everyone: the page may lack what this session has not seen.
        if self.cursor < page.after {
            return Offered::Again;
        }
        if self.put_all(page) == Room::Full {
            self.pace = Pace::Behind;
        }
        Offered::Done
    }

    /// Whether the node should now read a page for this session: when it is behind, the client has taken everything,
    /// and the window is open. Says so once.
    pub(super) fn asks(&mut self) -> bool {
        let asks = self.pace == Pace::Behind && self.frames.is_empty() && self.has_window(next(self.cursor));
        if asks {
            self.pace = Pace::Asked;
        }
        asks
    }

    /// From where, and how many entries, the node should read.
    pub(super) const fn start_page(&mut self) -> (Seq, u16) {
        self.has_grown = false;
        (self.cursor, self.page)
    }

    /// Takes the page that was read for this session.
    pub(super) fn take_page(&mut self, page: &Page) {
        let before = self.frames.len();
        let room = self.put_all(page);
        // Large events fill the outbox early; what does not fit would be read twice.
        let taken = u16::try_from(self.frames.len() - before).unwrap_or(PAGE_MAX);
        self.page = taken.saturating_mul(2).clamp(PAGE_MIN, PAGE_MAX);
        let has_caught_up = room == Room::Left && page.rest == Rest::Nothing && !self.has_grown;
        self.pace = if has_caught_up { Pace::Live } else { Pace::Behind };
    }

    /// The client has kept everything up to here.
    pub(super) fn acknowledge(&mut self, seq: Seq) {
        self.acked = self.acked.max(seq);
        if self.acked >= self.hole_to {
            self.holes = 0;
        }
    }

    /// The oldest frames, at most `max`.
    pub(super) fn take(&mut self, max: usize) -> Vec<StreamFrame> {
        let taken: Vec<StreamFrame> = self.frames.drain(..self.frames.len().min(max)).collect();
        self.bytes -= taken.iter().map(|frame| frame.frame.len()).sum::<usize>();
        if self.frames.is_empty() {
            // Idle sessions are many; their buffers are given back.
            self.frames = VecDeque::new();
        }
        taken
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// The cursor of a live session.
    pub(super) fn live_cursor(&self) -> Option<Seq> {
        (self.pace == Pace::Live).then_some(self.cursor)
    }

    /// Says that numbers will never come, and goes on behind them.
    pub(super) fn put_gap(&mut self, from: Seq, to: Seq, reason: Lost) {
        self.cursor = to;
        self.hole_to = to;
        self.holes += to.0 - from.0 + 1;
        if let Some(gap) = StreamFrame::gap(from, to, reason) {
            self.put(gap);
        }
    }

    /// Tells a live session of what retention has taken before it came; whether there was any.
    pub(super) fn trim(&mut self, trimmed_to: Seq) -> bool {
        let is_trimmed = self.pace == Pace::Live && self.cursor < trimmed_to;
        if is_trimmed {
            self.put_gap(next(self.cursor), trimmed_to, Lost::Retention);
        }
        is_trimmed
    }

    fn put_all(&mut self, page: &Page) -> Room {
        for frame in &page.frames {
            if frame.seq <= self.cursor {
                continue;
            }
            let due = next(self.cursor);
            if frame.seq > due {
                self.put_gap(due, Seq(frame.seq.0 - 1), Lost::Retention);
            }
            if !self.fits(frame) {
                return Room::Full;
            }
            self.put(frame.clone());
        }
        Room::Left
    }

    fn fits(&self, frame: &StreamFrame) -> bool {
        let has_room = self.frames.len() < FRAMES_MAX && self.bytes + frame.frame.len() <= BYTES_MAX;
        (self.frames.is_empty() || has_room) && self.has_window(frame.seq)
    }

    fn has_window(&self, seq: Seq) -> bool {
        let is_within = |window: u16| seq.0 - self.acked.0 - self.holes <= i64::from(window);
        seq > self.replay_to || self.window.is_none_or(is_within)
    }

    fn put(&mut self, frame: StreamFrame) {
        self.cursor = frame.seq;
        self.bytes += frame.frame.len();
        self.frames.push_back(frame);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    Left,
    Full,
}

const fn next(seq: Seq) -> Seq {
    Seq(seq.0 + 1)
}

#[cfg(test)]
mod tests;
