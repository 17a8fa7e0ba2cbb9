//! Resume tokens: positions that any node can check without asking. They let nobody in.

use aws_lc_rs::{constant_time, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use eventcenter_core::id::{DeviceId, Epoch, Seq, UserId};

use crate::auth::Tokens;

/// What the key is for: keys for other purposes are other keys.
const PURPOSE: &str = "eventcenter resume token v1";
/// Bytes of the code that a token carries: 96 bits. A token is worth no more than a place in one's own stream.
const CODE_BYTES: usize = 12;

/// A place in a stream, in an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    /// In which the number counts.
    pub(super) epoch: Epoch,
    /// Everything up to here was seen.
    pub(super) seq: Seq,
}

/// Makes and checks tokens. The same in every process that has the JWT secret.
#[derive(Debug)]
pub(super) struct Resume(hmac::Key);

impl Resume {
    pub(super) fn new(tokens: &Tokens) -> Self {
        Self(tokens.derive_key(PURPOSE))
    }

    /// The token for a position of this person's device.
    pub(super) fn token(&self, user: UserId, device: &DeviceId, Position { epoch, seq }: Position) -> String {
        // No part contains a dot, so no two positions make the same text.
        let signed = format!("{user}.{}.{epoch}.{seq}", device.as_str());
        let code = hmac::sign(&self.0, signed.as_bytes());
        let code = code.as_ref().first_chunk::<CODE_BYTES>().map(|code| URL_SAFE_NO_PAD.encode(code));
        format!("v1.{epoch}.{seq}.{}", code.unwrap_or_default())
    }

    /// The position of a token that we made for this person's device.
    pub(super) fn read(&self, token: &str, user: UserId, device: &DeviceId) -> Option<Position> {
        let mut parts = token.strip_prefix("v1.")?.split('.');
        let (epoch, seq) = (Epoch::parse(parts.next()?)?, parts.next()?.parse().ok().map(Seq)?);
        let position = Position { epoch, seq };
        let ours = self.token(user, device, position);
        constant_time::verify_slices_are_equal(ours.as_bytes(), token.as_bytes()).ok().map(|()| position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: UserId = UserId::from_row(1);

    fn resume() -> Resume {
        Resume::new(&Tokens::hs256([7; 32]))
    }

    fn position() -> Position {
        Position { epoch: Epoch::parse("Zk3xQ_-9").unwrap(), seq: Seq(1841) }
    }

    #[test]
    fn a_token_holds_on_every_node_with_the_secret_and_on_no_other() {
        let phone = DeviceId::parse("phone").unwrap();

        let token = resume().token(ANNA, &phone, position());

        assert!(token.starts_with("v1.Zk3xQ_-9.1841."), "{token}");
        assert_eq!(resume().read(&token, ANNA, &phone), Some(position()));
        let others = Resume::new(&Tokens::hs256([8; 32]));
        assert_eq!(others.read(&token, ANNA, &phone), None);
    }

    #[test]
    fn a_token_is_of_one_person_and_one_device() {
        let phone = DeviceId::parse("phone").unwrap();
        let token = resume().token(ANNA, &phone, position());

        assert_eq!(resume().read(&token, UserId::from_row(2), &phone), None);
        assert_eq!(resume().read(&token, ANNA, &DeviceId::default()), None);
    }

    #[test]
    fn what_was_changed_is_not_ours() {
        let device = DeviceId::default();
        let token = resume().token(ANNA, &device, position());

        for forged in [
            token.replace("1841", "9999"),
            token.replace("1841", "01841"),
            token.replace("Zk3", "Zk4"),
            token.replace("v1", "v2"),
            format!("{token}A"),
            format!("{token}.x"),
            token[..token.len() - 1].to_owned(),
            String::new(),
            "v1...".to_owned(),
        ] {
            assert_eq!(resume().read(&forged, ANNA, &device), None, "{forged}");
        }
    }
}
