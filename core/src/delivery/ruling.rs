//! Whether a claimed delivery may go out.

use jiff::Timestamp;

use super::Skip;

/// What its producer, its person and earlier mail say of a delivery that is about to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// It may be sent.
    Send,
    /// Its producer has taken it back.
    Cancel,
    /// It may not be sent at all.
    Skip(Skip),
    /// Not before the person's quiet hours end.
    Hold(Timestamp),
}
