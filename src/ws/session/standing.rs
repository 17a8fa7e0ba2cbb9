//! What a session rests on, for those who carry and end it.

use std::time::Duration;

use eventcenter_core::id::{Seq, UserId};
use uuid::Uuid;

use super::{Mode, Session};
use crate::auth::Grant;
use crate::ws::resume::Resume;

/// What a new session rests on.
#[derive(Clone, Copy, Debug)]
pub(in crate::ws) struct Opening {
    /// Whose.
    pub(in crate::ws) user: UserId,
    /// How it follows.
    pub(in crate::ws) mode: Mode,
    /// When its token was issued, in seconds since 1970, if it says so.
    pub(in crate::ws) issued_at: Option<i64>,
    /// When its token ends, in seconds since 1970.
    pub(in crate::ws) token_exp: i64,
    /// How often it is pinged.
    pub(in crate::ws) ping_every: Duration,
}

impl Session {
    /// The token by which it was let in, or what has taken its place.
    pub(in crate::ws) fn grant(&self) -> Grant {
        let state = self.state();
        Grant { user_id: self.user, issued_at: state.issued_at, ends_at: state.vitals.token_exp() }
    }

    /// From 0 to 1: where between others it stands that began with it.
    pub(in crate::ws) fn share(&self) -> f64 {
        share(self.id)
    }

    /// The resume token for a position, once it has begun: a transport's messages may carry one each.
    pub(in crate::ws) fn token_at(&self, resume: &Resume, seq: Seq) -> Option<String> {
        self.token(&self.state(), resume, seq)
    }

    /// The client has given a sign of life that is no frame.
    pub(in crate::ws) fn heard(&self) {
        self.state().vitals.heard();
    }
}

/// The last byte of a UUIDv7 is random.
pub(super) fn share(id: Uuid) -> f64 {
    f64::from(id.as_bytes().last().copied().unwrap_or_default()) / 256.0
}
