//! What one session still has to be told. No I/O: the session writes from it, the node and the session read into it.
//!
//! While it is live, the node's reader fills it. When it is behind (at first, and whenever it was full) the session
//! reads for itself. Both put in what follows the cursor and nothing else, so the person gets each number once, in order.

use std::collections::VecDeque;

use eventcenter_core::id::Seq;
use eventcenter_core::store::StreamHead;

use super::frame::Frame;

/// Frames that may wait for a socket. When they are that many, the session leaves the rest in the database until the
/// socket has taken them.
const FRAMES_MAX: usize = 256;
/// Bytes that may wait for a socket, in frames; a single larger frame still passes. When full: as above.
const BYTES_MAX: usize = 128 * 1024;

/// A piece of a stream: every event after `after`, in order, up to the last frame.
#[derive(Debug)]
pub(super) struct Page {
    /// Where it was read from.
    pub(super) after: Seq,
    /// What follows. A number that is missing before another is gone for ever.
    pub(super) frames: Vec<Frame>,
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
    /// It took what it needs, or reads for itself.
    Done,
    /// The page began too late for it.
    Again,
}

/// The client asked for what follows a number that was never given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AfterIsAhead;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    /// The node's reader brings what is new.
    Live,
    /// The session reads for itself.
    Behind,
    /// The same, and the stream has grown since its last look.
    BehindAndGrown,
}

#[derive(Debug)]
pub(super) struct Outbox {
    pace: Pace,
    /// Everything up to here was put in, or never asked for.
    cursor: Seq,
    frames: VecDeque<Frame>,
    bytes: usize,
}

impl Outbox {
    /// One that is behind, before its cursor is known. The node must know of it before it reads the stream's head:
    /// what comes in between is then noticed as growth.
    pub(super) const fn new() -> Self {
        Self { pace: Pace::Behind, cursor: Seq(0), frames: VecDeque::new(), bytes: 0 }
    }

    /// Sets the cursor to where the client wants it: at the head, or after what it has seen.
    pub(super) fn begin(&mut self, after: Option<Seq>, head: StreamHead) -> Result<(), AfterIsAhead> {
        let after = after.unwrap_or(head.last);
        if after > head.last {
            return Err(AfterIsAhead);
        }
        self.cursor = after;
        if after < head.trimmed_to {
            self.put(Frame::gap(next(after), head.trimmed_to));
        }
        if self.cursor == head.last {
            self.caught_up();
        }
        Ok(())
    }

    /// The cursor from which the node should read for this session; `None` when it reads for itself, which it then
    /// does once more.
    pub(super) const fn read_from(&mut self) -> Option<Seq> {
        match self.pace {
            Pace::Live => Some(self.cursor),
            Pace::Behind | Pace::BehindAndGrown => {
                self.pace = Pace::BehindAndGrown;
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

    /// The cursor from which the session should read now: when it is behind and the socket has taken everything.
    pub(super) fn start_page(&mut self) -> Option<Seq> {
        if self.pace == Pace::Live || !self.frames.is_empty() {
            return None;
        }
        self.pace = Pace::Behind;
        Some(self.cursor)
    }

    /// Takes what the session read for itself, and answers how many frames that were. The rest is read again later.
    pub(super) fn take_page(&mut self, page: &Page) -> usize {
        let before = self.frames.len();
        if self.put_all(page) == Room::Left && page.rest == Rest::Nothing {
            self.caught_up();
        }
        self.frames.len() - before
    }

    /// The oldest frames, at most `max`.
    pub(super) fn take(&mut self, max: usize) -> Vec<Frame> {
        let taken: Vec<Frame> = self.frames.drain(..self.frames.len().min(max)).collect();
        self.bytes -= taken.iter().map(|frame| frame.text.len()).sum::<usize>();
        if self.frames.is_empty() {
            // Idle sessions are many; their buffers are given back.
            self.frames = VecDeque::new();
        }
        taken
    }

    /// Whether the stream has grown beyond what a live session knows.
    pub(super) fn misses(&self, head: Seq) -> bool {
        self.pace == Pace::Live && self.cursor < head
    }

    fn caught_up(&mut self) {
        if self.pace == Pace::Behind {
            self.pace = Pace::Live;
        }
    }

    fn put_all(&mut self, page: &Page) -> Room {
        for frame in &page.frames {
            if frame.seq <= self.cursor {
                continue;
            }
            if !self.fits(frame) {
                return Room::Full;
            }
            let due = next(self.cursor);
            if frame.seq > due {
                self.put(Frame::gap(due, Seq(frame.seq.0 - 1)));
            }
            self.put(frame.clone());
        }
        Room::Left
    }

    fn fits(&self, frame: &Frame) -> bool {
        self.frames.is_empty() || (self.frames.len() < FRAMES_MAX && self.bytes + frame.text.len() <= BYTES_MAX)
    }

    fn put(&mut self, frame: Frame) {
        self.cursor = frame.seq;
        self.bytes += frame.text.len();
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
