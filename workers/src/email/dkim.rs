//! DKIM signatures (RFC 6376), for installations whose mail server does not sign.
//!
//! Not lettre's: with a multipart message it names Content-Type as signed and signs without it, so that verifiers
//! refuse the mail. This one signs the very bytes that are sent.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;
use thiserror::Error;

#[cfg(test)]
mod tests;

/// Signed once more than they occur, so that nobody can add a second one.
const SEALED: [&str; 4] = ["from", "to", "subject", "date"];
/// Longest line of the signature, in characters of base64.
const LINE: usize = 72;

/// Signs mail for one domain. Its Debug shows nothing of the key.
#[derive(Clone)]
pub struct DkimSigner {
    domain: String,
    selector: String,
    key: Arc<Key>,
}

enum Key {
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// What is wrong with a DKIM key or its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidDkim {
    /// Not a private key that can be used.
    #[error("the DKIM key must be a PEM file with an RSA key of at least 2048 bits, or an Ed25519 key (PKCS #8)")]
    Key,
    /// Not a part of a DNS name.
    #[error("the DKIM selector and domain must be of letters, digits, dots and hyphens, as in DNS")]
    Name,
}

/// The mail could not be signed: the cryptographic library refused, which it gives no reason for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the mail cannot be signed")]
pub(super) struct Unsigned;

impl DkimSigner {
    /// A signer by a PEM file's text. Its public key is published at `selector._domainkey.domain`.
    pub fn new(domain: &str, selector: &str, pem: &str) -> Result<Self, InvalidDkim> {
        if !super::is_host_name(domain) || !super::is_host_name(selector) {
            return Err(InvalidDkim::Name);
        }
        let key = Arc::new(Key::from_pem(pem).ok_or(InvalidDkim::Key)?);
        Ok(Self { domain: domain.to_owned(), selector: selector.to_owned(), key })
    }

    /// The header field that goes before `message`. The same message gives the same signature, as a retry must be
    /// byte-identical: hence no time of signing (`t=`).
    pub(super) fn sign(&self, message: &str) -> Result<String, Unsigned> {
        let (head, body) = message.split_once("\r\n\r\n").unwrap_or((message, ""));
        let fields = fields(head);
        let names: Vec<String> =
            fields.iter().map(|(name, _)| name.to_lowercase()).chain(SEALED.map(str::to_owned)).collect();
        let field = format!(
            "DKIM-Signature: v=1; a={}; c=relaxed/relaxed;\r\n d={};\r\n s={};\r\n h={};\r\n bh={};\r\n b=",
            self.key.algorithm(),
            self.domain,
            self.selector,
            names.join(":\r\n  "),
            BASE64.encode(digest(&SHA256, relaxed_body(body).as_bytes())),
        );
        let signed: Vec<String> = fields.iter().map(|(name, value)| relaxed(name, value) + "\r\n").collect();
        let (name, value) = field.split_once(':').ok_or(Unsigned)?;
        let signature = self.key.sign((signed.concat() + &relaxed(name, value)).as_bytes())?;
        let lines: Vec<String> = signature.chars().collect::<Vec<_>>().chunks(LINE).map(String::from_iter).collect();
        Ok(field + &lines.join("\r\n ") + "\r\n")
    }
}

impl fmt::Debug for DkimSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DkimSigner")
            .field("domain", &self.domain)
            .field("selector", &self.selector)
            .finish_non_exhaustive()
    }
}

impl Key {
    /// `PRIVATE KEY` is PKCS #8 of either kind, `RSA PRIVATE KEY` is PKCS #1.
    fn from_pem(pem: &str) -> Option<Self> {
        let (_, rest) = pem.split_once("-----BEGIN ")?;
        let (label, rest) = rest.split_once("-----")?;
        let (base64, _) = rest.split_once("-----END ")?;
        let der = BASE64.decode(base64.split_whitespace().collect::<String>()).ok()?;
        match label {
            "RSA PRIVATE KEY" => RsaKeyPair::from_der(&der).ok().map(Self::Rsa),
            "PRIVATE KEY" => RsaKeyPair::from_pkcs8(&der)
                .ok()
                .map(Self::Rsa)
                .or_else(|| Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).ok().map(Self::Ed25519)),
            _ => None,
        }
    }

    /// RFC 6376 §3.3.1 and RFC 8463 §3.
    const fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "rsa-sha256",
            Self::Ed25519(_) => "ed25519-sha256",
        }
    }

    fn sign(&self, message: &[u8]) -> Result<String, Unsigned> {
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
                    .map_err(|_refused| Unsigned)?;
                Ok(BASE64.encode(signature))
            }
            // RFC 8463 signs the hash.
            Self::Ed25519(key) => Ok(BASE64.encode(key.sign(digest(&SHA256, message).as_ref()))),
        }
    }
}

/// The header fields, folded as they are.
fn fields(head: &str) -> Vec<(&str, &str)> {
    let mut starts: Vec<usize> = vec![0];
    starts.extend(head.match_indices("\r\n").map(|(at, _)| at + 2).filter(|at| {
        let next = head.as_bytes().get(*at);
        next.is_some_and(|byte| *byte != b' ' && *byte != b'\t')
    }));
    let ends = starts.iter().skip(1).copied().chain([head.len()]);
    starts.iter().zip(ends).filter_map(|(start, end)| head.get(*start..end)?.split_once(':')).collect()
}

/// RFC 6376 §3.4.2.
fn relaxed(name: &str, value: &str) -> String {
    format!("{}:{}", name.trim().to_lowercase(), value.split_ascii_whitespace().collect::<Vec<_>>().join(" "))
}

/// RFC 6376 §3.4.4.
fn relaxed_body(body: &str) -> String {
    let mut lines: Vec<String> = body.split("\r\n").map(relaxed_line).collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines.into_iter().map(|line| line + "\r\n").collect()
}

fn relaxed_line(line: &str) -> String {
    let is_space = |c| c == ' ' || c == '\t';
    let mut relaxed = String::with_capacity(line.len());
    for word in line.trim_end_matches(is_space).split_inclusive(is_space) {
        let text = word.trim_end_matches(is_space);
        if !(text.is_empty() && relaxed.ends_with(' ')) {
            relaxed.push_str(text);
            relaxed.push_str(if text.len() < word.len() { " " } else { "" });
        }
    }
    relaxed
}
