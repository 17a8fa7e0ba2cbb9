//! Whether browsers can read what we encrypt: two decryptors by other hands, in other languages.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use aws_lc_rs::encoding::{AsBigEndian, EcPrivateKeyBin};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use eventcenter_workers::push::{PLAINTEXT_MAX, encrypt};
use serde_json::json;

use crate::support::peer::python;

/// Nothing, the least, an everyday message, the most that old push services take, and the most there is.
const LENGTHS: [usize; 5] = [0, 1, 152, 3052, PLAINTEXT_MAX];

fn plaintexts() -> Vec<Vec<u8>> {
    // Zeros at the end, which must not be taken for padding.
    LENGTHS.map(|length| (0..length).map(|at| u8::try_from((length - 1 - at) % 251).unwrap()).collect()).into()
}

/// What a decryptor makes of all lengths, each for a browser with keys of its own.
fn decrypted(mut program: Command) -> Vec<Vec<u8>> {
    let lines: Vec<String> = plaintexts()
        .iter()
        .map(|plaintext| {
            let browser = PrivateKey::generate(&ECDH_P256).unwrap();
            let scalar: EcPrivateKeyBin<'_> = browser.as_be_bytes().unwrap();
            let auth: [u8; 16] = rand::random();
            let body = encrypt(browser.compute_public_key().unwrap().as_ref(), &auth, plaintext).unwrap();
            assert!(body.len() <= 4096, "{}", body.len());
            json!({
                "private_key": BASE64.encode(scalar.as_ref()),
                "auth": BASE64.encode(auth),
                "body": BASE64.encode(body),
            })
            .to_string()
        })
        .collect();
    let mut running = program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    running.stdin.take().unwrap().write_all(lines.join("\n").as_bytes()).unwrap();
    let output = running.wait_with_output().unwrap();
    assert!(output.status.success(), "{:?}", output.status);
    String::from_utf8(output.stdout).unwrap().lines().map(|line| BASE64.decode(line).unwrap()).collect()
}

#[test]
fn http_ece_of_pypi_reads_every_length() {
    assert_eq!(decrypted(python("decrypt.py")), plaintexts());
}

#[test]
fn http_ece_of_npm_reads_every_length() {
    let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers");
    assert!(peers.join("node_modules").exists(), "`make test` sets it up, as does `scripts/setup tests`");
    let mut node = Command::new("node");
    node.arg(peers.join("decrypt.cjs"));

    assert_eq!(decrypted(node), plaintexts());
}
