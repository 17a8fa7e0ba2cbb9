//! The side of a session that the node reads streams into.

use eventcenter_core::id::Seq;
use eventcenter_core::store::StreamHead;

use super::Session;
use crate::ws::end::End;
use crate::ws::frame::Kind;
use crate::ws::outbox::{Offered, Page};

impl Session {
    /// See [`crate::ws::outbox::Outbox::read_from`].
    pub(in crate::ws) fn read_from(&self) -> Option<Seq> {
        self.state().outbox.read_from()
    }

    /// See [`crate::ws::outbox::Outbox::offer`].
    pub(in crate::ws) fn offer(&self, page: &Page) -> Offered {
        let offered = self.state().outbox.offer(page);
        self.changed.notify_one();
        offered
    }

    /// See [`crate::ws::outbox::Outbox::asks`].
    pub(in crate::ws) fn asks(&self) -> bool {
        self.state().outbox.asks()
    }

    /// See [`crate::ws::outbox::Outbox::start_page`]; `None` for one that is ending.
    pub(in crate::ws) fn start_page(&self) -> Option<(Seq, u16)> {
        let mut state = self.state();
        if state.end.is_some() { None } else { Some(state.outbox.start_page()) }
    }

    /// What an event at this place is to this session.
    pub(in crate::ws) fn kind_of(&self, seq: Seq) -> Kind {
        self.state().outbox.kind_of(seq)
    }

    /// See [`crate::ws::outbox::Outbox::take_page`].
    pub(in crate::ws) fn take_page(&self, page: &Page) {
        self.state().outbox.take_page(page);
        self.changed.notify_one();
    }

    /// See [`crate::ws::outbox::Outbox::live_cursor`].
    pub(in crate::ws) fn live_cursor(&self) -> Option<Seq> {
        self.state().outbox.live_cursor()
    }

    /// Compares with where the stream stands, read after this session was at `cursor`. Answers whether it misses
    /// something. A stream that ends before the cursor is another one: the session ends.
    pub(in crate::ws) fn compare(&self, cursor: Seq, head: StreamHead) -> bool {
        if head.last < cursor {
            self.end(End::Resync);
            return false;
        }
        let mut state = self.state();
        let is_trimmed = state.outbox.trim(head.trimmed_to);
        let misses = state.outbox.live_cursor().is_some_and(|cursor| cursor < head.last);
        drop(state);
        if is_trimmed {
            self.changed.notify_one();
        }
        misses
    }
}
