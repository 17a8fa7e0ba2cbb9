//! What to do when nobody knows.

/// What becomes of a mail that the server may have taken, by its event's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnAmbiguous {
    /// It is sent again, under the same Message-ID: rather twice than never.
    Retry,
    /// It has failed, with reason `ambiguous`: rather never than twice.
    Settle,
}

impl OnAmbiguous {
    /// The name in `event_types.email_ambiguous` and in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Settle => "settle",
        }
    }

    /// The policy of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Retry, Self::Settle].into_iter().find(|policy| policy.as_str() == name)
    }
}
