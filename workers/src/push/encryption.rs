//! Message encryption for Web Push (RFC 8291) in the `aes128gcm` coding (RFC 8188): one record, padded, under a fresh
//! key pair and salt for every message and browser.

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, ParsedPublicKey, ParsedPublicKeyFormat, PrivateKey, UnparsedPublicKey, agree};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::{hkdf, rand};

/// Longest plaintext, in bytes: a body of 4,096 (RFC 8030 §7.2), less 86 of header, 16 of tag and 1 of delimiter.
/// A longer one is refused.
pub const PLAINTEXT_MAX: usize = 3993;
/// Plaintexts are padded to a multiple of this many bytes, so that their exact length does not show.
const PADDING_STEP: usize = 256;
/// What every record ends its content with when no other follows (RFC 8188 §2).
const LAST_RECORD: u8 = 2;
/// The record size that the header states, in bytes.
const RECORD_SIZE: u32 = 4096;
/// Length of an uncompressed P-256 point, in bytes.
const POINT_LEN: u8 = 65;
const SALT_LEN: usize = 16;
const AUTH_LEN: usize = 16;

/// Why a message could not be encrypted.
#[derive(Debug, thiserror::Error)]
pub enum EncryptionError {
    /// The browser's key is none.
    #[error("must be an uncompressed point on P-256, 65 bytes in base64url")]
    BadPoint,
    /// The browser's secret is none.
    #[error("must be 16 bytes in base64url")]
    BadAuth,
    /// The plaintext does not fit.
    #[error("the payload has {0} bytes, more than {PLAINTEXT_MAX}")]
    TooLong(usize),
    /// No randomness, or worse.
    #[error("the cryptography library failed")]
    Crypto(#[from] Unspecified),
}

/// Reads a browser's public key. Refuses what is not on the curve: an agreement with it would give our key away.
pub(super) fn public_key(bytes: &[u8]) -> Result<ParsedPublicKey, EncryptionError> {
    ParsedPublicKey::try_from(UnparsedPublicKey::new(&ECDH_P256, bytes))
        .ok()
        .filter(|key| key.format() == ParsedPublicKeyFormat::Uncompressed)
        .ok_or(EncryptionError::BadPoint)
}

/// Reads a browser's authentication secret.
pub(super) fn auth_secret(bytes: &[u8]) -> Result<[u8; AUTH_LEN], EncryptionError> {
    bytes.try_into().ok().ok_or(EncryptionError::BadAuth)
}

/// Encrypts for the browser that has these keys. The result is the body of the POST.
pub fn encrypt(p256dh: &[u8], auth: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, EncryptionError> {
    let browser = public_key(p256dh)?;
    let auth = auth_secret(auth)?;
    let content = pad(plaintext)?;
    let mut salt = [0; SALT_LEN];
    rand::fill(&mut salt)?;
    Ok(seal(content, browser, auth, &PrivateKey::generate(&ECDH_P256)?, salt)?)
}

/// Appends the delimiter and zeros, up to the next step or the largest record.
fn pad(plaintext: &[u8]) -> Result<Vec<u8>, EncryptionError> {
    if plaintext.len() > PLAINTEXT_MAX {
        return Err(EncryptionError::TooLong(plaintext.len()));
    }
    let used = plaintext.len() + 1;
    let mut content = Vec::with_capacity(PLAINTEXT_MAX + 1 + AES_128_GCM.tag_len());
    content.extend_from_slice(plaintext);
    content.push(LAST_RECORD);
    content.resize(used.next_multiple_of(PADDING_STEP).min(PLAINTEXT_MAX + 1), 0);
    Ok(content)
}

/// RFC 8291 §3.4 and RFC 8188 §2, with the sender's key and the salt given.
fn seal(
    mut content: Vec<u8>,
    browser: ParsedPublicKey,
    auth: [u8; AUTH_LEN],
    sender: &PrivateKey,
    salt: [u8; SALT_LEN],
) -> Result<Vec<u8>, Unspecified> {
    let sender_point = sender.compute_public_key()?;
    let info = [b"WebPush: info\0", browser.as_ref(), sender_point.as_ref()].concat();
    let input: [u8; 32] = agree(sender, browser, Unspecified, |shared| expand(&extract(&auth, shared), &info))?;
    let prk = extract(&salt, &input);
    let key: [u8; 16] = expand(&prk, b"Content-Encoding: aes128gcm\0")?;
    let nonce: [u8; NONCE_LEN] = expand(&prk, b"Content-Encoding: nonce\0")?;
    LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key)?).seal_in_place_append_tag(
        Nonce::assume_unique_for_key(nonce),
        Aad::empty(),
        &mut content,
    )?;
    Ok([&salt[..], &RECORD_SIZE.to_be_bytes(), &[POINT_LEN], sender_point.as_ref(), &content].concat())
}

fn extract(salt: &[u8], secret: &[u8]) -> hkdf::Prk {
    hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(secret)
}

fn expand<const N: usize>(prk: &hkdf::Prk, info: &[u8]) -> Result<[u8; N], Unspecified> {
    struct Length(usize);
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let mut out = [0; N];
    prk.expand(&[info], Length(N))?.fill(&mut out)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;

    use super::*;

    // RFC 8291, appendix A.
    const BROWSER_PRIVATE: &str = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94";
    const BROWSER_PUBLIC: &str =
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";
    const SENDER_PRIVATE: &str = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
    const SALT: &str = "DGv6ra1nlYgDCS1FRnbzlw";
    const PLAINTEXT: &[u8] = b"When I grow up, I want to be a watermelon";
    const BODY: &str = concat!(
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6",
        "PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN",
    );

    fn bytes(text: &str) -> Vec<u8> {
        BASE64.decode(text).unwrap()
    }

    fn private_key(text: &str) -> PrivateKey {
        PrivateKey::from_private_key(&ECDH_P256, &bytes(text)).unwrap()
    }

    /// What a browser does: undoes the coding and takes the padding off.
    fn decrypt(body: &[u8]) -> Vec<u8> {
        let (salt, rest) = body.split_at(SALT_LEN);
        let (sender, sealed) = rest.split_at(5 + usize::from(POINT_LEN));
        let sender = &sender[5..];
        let browser = private_key(BROWSER_PRIVATE);
        let info = [b"WebPush: info\0", &bytes(BROWSER_PUBLIC)[..], sender].concat();
        let input: [u8; 32] = agree(&browser, public_key(sender).unwrap(), Unspecified, |shared| {
            expand(&extract(&bytes(AUTH), shared), &info)
        })
        .unwrap();
        let prk = extract(salt, &input);
        let key: [u8; 16] = expand(&prk, b"Content-Encoding: aes128gcm\0").unwrap();
        let nonce = Nonce::assume_unique_for_key(expand(&prk, b"Content-Encoding: nonce\0").unwrap());
        let mut content = sealed.to_vec();
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).unwrap());
        let content = key.open_in_place(nonce, Aad::empty(), &mut content).unwrap();
        let end = content.iter().rposition(|byte| *byte != 0).unwrap();
        assert_eq!(content[end], LAST_RECORD);
        content[..end].to_vec()
    }

    #[test]
    fn the_example_of_rfc_8291_comes_out_byte_for_byte() {
        let content = [PLAINTEXT, &[LAST_RECORD]].concat();
        let browser = public_key(&bytes(BROWSER_PUBLIC)).unwrap();

        let body = seal(
            content,
            browser,
            auth_secret(&bytes(AUTH)).unwrap(),
            &private_key(SENDER_PRIVATE),
            bytes(SALT).try_into().unwrap(),
        );

        assert_eq!(BASE64.encode(body.unwrap()), BODY);
    }

    #[test]
    fn every_length_survives_the_round_trip_within_4096_bytes() {
        for length in [0, 1, 152, 255, 256, 3052, PLAINTEXT_MAX] {
            let plaintext: Vec<u8> = (0..=250).cycle().take(length).collect();

            let body = encrypt(&bytes(BROWSER_PUBLIC), &bytes(AUTH), &plaintext).unwrap();

            assert!(body.len() <= 4096, "{length}");
            assert_eq!(decrypt(&body), plaintext);
        }
    }

    #[test]
    fn similar_lengths_cannot_be_told_apart() {
        let lengths = [1, 100, 255]
            .map(|length| encrypt(&bytes(BROWSER_PUBLIC), &bytes(AUTH), &vec![b'x'; length]).unwrap().len());

        assert_eq!(lengths, [lengths[0]; 3]);
    }

    #[test]
    fn the_same_message_never_looks_the_same_twice() {
        let [one, two] = [(); 2].map(|()| encrypt(&bytes(BROWSER_PUBLIC), &bytes(AUTH), PLAINTEXT).unwrap());

        assert_ne!(one[..SALT_LEN], two[..SALT_LEN]);
        assert_ne!(one[21..86], two[21..86]);
    }

    #[test]
    fn what_does_not_fit_one_record_is_refused() {
        let refused = encrypt(&bytes(BROWSER_PUBLIC), &bytes(AUTH), &[b'x'; PLAINTEXT_MAX + 1]);

        assert!(matches!(refused, Err(EncryptionError::TooLong(3994))));
    }

    #[test]
    fn only_uncompressed_points_on_the_curve_are_keys() {
        let point = bytes(BROWSER_PUBLIC);
        let mut off_curve = point.clone();
        off_curve[64] ^= 1;
        let mut compressed = point[..33].to_vec();
        compressed[0] = 2;
        let mut hybrid = point.clone();
        hybrid[0] = 6;

        assert!(public_key(&point).is_ok());
        for wrong in [&[][..], &[0], &[4; 65], &point[..64], &off_curve, &compressed, &hybrid] {
            assert!(matches!(public_key(wrong), Err(EncryptionError::BadPoint)), "{wrong:?}");
        }
    }
}
