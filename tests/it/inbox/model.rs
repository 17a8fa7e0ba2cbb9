//! An inbox as a plain list: slow, and plainly right.

use eventcenter_core::id::{EventId, Seq};
use eventcenter_core::store::{InboxFilter, Mark, Marked, Sweep};
use rand::Rng;
use rand::rngs::StdRng;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attention {
    Unseen,
    Seen,
    Read,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shelf {
    Shown,
    Archived,
    Asleep,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    id: EventId,
    seq: i64,
    /// Where it came back to.
    returned_to: Option<i64>,
    attention: Attention,
    shelf: Shelf,
}

impl Entry {
    fn place(&self) -> i64 {
        self.returned_to.unwrap_or(self.seq)
    }

    /// The same after a mark, at this end of the stream.
    fn marked(self, mark: Mark, last_seq: i64) -> Self {
        match mark {
            Mark::Seen if self.attention == Attention::Unseen => Self { attention: Attention::Seen, ..self },
            Mark::Read => Self { attention: Attention::Read, ..self },
            Mark::Unread if self.attention == Attention::Read => Self { attention: Attention::Seen, ..self },
            Mark::Archive => Self { shelf: Shelf::Archived, ..self },
            Mark::Unarchive if self.shelf == Shelf::Archived => Self { shelf: Shelf::Shown, ..self },
            Mark::Snooze(_) => Self { shelf: Shelf::Asleep, ..self },
            Mark::Unsnooze if self.shelf == Shelf::Asleep => {
                Self { attention: Attention::Unseen, shelf: Shelf::Shown, returned_to: Some(last_seq), ..self }
            }
            Mark::Seen | Mark::Unread | Mark::Unarchive | Mark::Unsnooze => self,
        }
    }
}

/// One person's inbox.
#[derive(Debug, Default)]
pub(super) struct Model {
    entries: Vec<Entry>,
    last_seq: i64,
}

impl Model {
    pub(super) const fn last_seq(&self) -> i64 {
        self.last_seq
    }

    /// A few that are, or were, there.
    pub(super) fn some_ids(&self, random: &mut StdRng) -> Vec<EventId> {
        self.entries.iter().filter(|_| random.random_bool(0.2)).map(|entry| entry.id).collect()
    }

    pub(super) fn append(&mut self, id: EventId) {
        self.last_seq += 1;
        self.entries.push(Entry {
            id,
            seq: self.last_seq,
            returned_to: None,
            attention: Attention::Unseen,
            shelf: Shelf::Shown,
        });
    }

    pub(super) fn forget_up_to(&mut self, seq: Seq) {
        self.entries.retain(|entry| entry.seq > seq.0);
    }

    pub(super) fn wake_all(&mut self) {
        self.change(Mark::Unsnooze, |_| true);
    }

    pub(super) fn mark(&mut self, mark: Mark, ids: &[EventId]) -> Marked {
        self.change(mark, |entry| ids.contains(&entry.id))
    }

    pub(super) fn sweep(&mut self, sweep: Sweep, up_to: Seq) -> Marked {
        let mark = match sweep {
            Sweep::Seen => Mark::Seen,
            Sweep::Read => Mark::Read,
            Sweep::Archive => Mark::Archive,
        };
        self.change(mark, |entry| entry.shelf == Shelf::Shown && entry.place() <= up_to.0)
    }

    fn change(&mut self, mark: Mark, is_meant: impl Fn(&Entry) -> bool) -> Marked {
        let mut changed = 0;
        for entry in self.entries.iter_mut().filter(|entry| is_meant(entry)) {
            let after = entry.marked(mark, self.last_seq);
            // A snooze that is given anew has another end.
            changed += i64::from(after != *entry || matches!(mark, Mark::Snooze(_)));
            *entry = after;
        }
        let (unread, unseen) = self.counts();
        Marked { changed, unread, unseen }
    }

    /// Unread and unseen.
    pub(super) fn counts(&self) -> (i64, i64) {
        let count = |is_meant: fn(Attention) -> bool| {
            let shown = self.entries.iter().filter(|entry| entry.shelf == Shelf::Shown);
            i64::try_from(shown.filter(|entry| is_meant(entry.attention)).count()).unwrap()
        };
        (count(|attention| attention != Attention::Read), count(|attention| attention == Attention::Unseen))
    }

    /// Newest first.
    pub(super) fn listed(&self, filter: InboxFilter) -> Vec<EventId> {
        let is_meant = |entry: &&Entry| match filter {
            InboxFilter::All => entry.shelf == Shelf::Shown,
            InboxFilter::Unread => entry.shelf == Shelf::Shown && entry.attention != Attention::Read,
            InboxFilter::Archived => entry.shelf == Shelf::Archived,
            InboxFilter::Snoozed => entry.shelf == Shelf::Asleep,
        };
        let mut found: Vec<&Entry> = self.entries.iter().filter(is_meant).collect();
        found.sort_by_key(|entry| (-entry.place(), entry.seq));
        found.into_iter().map(|entry| entry.id).collect()
    }
}
