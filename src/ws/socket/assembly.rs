//! Fragments of a message, put together within a bound. fastwebsockets has none for them.

use fastwebsockets::OpCode;

use super::{Incoming, MESSAGE_MAX, Violation};

/// The message that has begun and goes on, if there is one.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    begun: Option<Vec<u8>>,
}

/// Whether a message goes on after a fragment: the FIN bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fin {
    Last,
    More,
}

impl Assembly {
    /// Adds a data frame (RFC 6455 §5.4).
    pub(super) fn add(&mut self, opcode: OpCode, fin: Fin, payload: &[u8]) -> Result<Incoming, Violation> {
        let mut message = match (opcode, self.begun.take()) {
            (OpCode::Binary, _) => return Err(Violation::Binary),
            (OpCode::Text, None) => Vec::new(),
            (OpCode::Continuation, Some(begun)) => begun,
            (OpCode::Text | OpCode::Continuation | OpCode::Close | OpCode::Ping | OpCode::Pong, _) => {
                return Err(Violation::Protocol);
            }
        };
        if message.len() + payload.len() > MESSAGE_MAX {
            return Err(Violation::TooBig);
        }
        message.extend_from_slice(payload);
        match fin {
            Fin::More => {
                self.begun = Some(message);
                Ok(Incoming::Fragment)
            }
            Fin::Last if std::str::from_utf8(&message).is_ok() => Ok(Incoming::Text),
            Fin::Last => Err(Violation::NotUtf8),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_in_fragments_is_one_message() {
        let mut assembly = Assembly::default();

        assert_eq!(assembly.add(OpCode::Text, Fin::More, "д".as_bytes().split_at(1).0), Ok(Incoming::Fragment));
        assert_eq!(assembly.add(OpCode::Continuation, Fin::Last, "д".as_bytes().split_at(1).1), Ok(Incoming::Text));
        assert_eq!(assembly.add(OpCode::Text, Fin::Last, b"another"), Ok(Incoming::Text));
    }

    #[test]
    fn many_small_fragments_hit_the_same_bound_as_one_large_frame() {
        let mut assembly = Assembly::default();
        let half = [b'a'; MESSAGE_MAX / 2];

        assert_eq!(assembly.add(OpCode::Text, Fin::More, &half), Ok(Incoming::Fragment));
        assert_eq!(assembly.add(OpCode::Continuation, Fin::More, &half), Ok(Incoming::Fragment));
        assert_eq!(assembly.add(OpCode::Continuation, Fin::More, b"a"), Err(Violation::TooBig));
    }

    #[test]
    fn fragments_out_of_turn_break_the_protocol() {
        let mut begun = Assembly::default();
        assert_eq!(begun.add(OpCode::Text, Fin::More, b"a"), Ok(Incoming::Fragment));

        assert_eq!(begun.add(OpCode::Text, Fin::Last, b"b"), Err(Violation::Protocol));
        assert_eq!(Assembly::default().add(OpCode::Continuation, Fin::Last, b"b"), Err(Violation::Protocol));
    }

    #[test]
    fn a_text_must_be_utf8_and_binary_is_refused() {
        assert_eq!(Assembly::default().add(OpCode::Text, Fin::Last, &[0xff]), Err(Violation::NotUtf8));
        assert_eq!(Assembly::default().add(OpCode::Binary, Fin::Last, b"b"), Err(Violation::Binary));
    }
}
