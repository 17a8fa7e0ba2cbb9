//! A WebSocket client in a few lines (RFC 6455), for tests that need hundreds. What it gets wrong, `ws_client` would not.

use std::io;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::eventually::SOON;

const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
/// Clients must mask; nobody says that it must be hard to guess here.
const MASK: [u8; 4] = [1, 2, 3, 4];

/// What came.
#[derive(Debug)]
pub(crate) enum Message {
    /// A frame.
    Frame(Value),
    /// The end, with its code.
    Closed(u16),
    /// The end, without any.
    Cut,
}

/// An open socket. Dropping it cuts the connection.
#[derive(Debug)]
pub(crate) struct Socket(BufReader<TcpStream>);

impl Socket {
    /// Opens `ws://…`, offering these subprotocols. A refusal is answered by its HTTP status.
    pub(crate) async fn open(url: &str, token: Option<&str>, protocols: &str) -> io::Result<Result<Self, u16>> {
        let (host, path) = url.strip_prefix("ws://").unwrap().split_once('/').unwrap();
        let mut head = format!(
            "GET /{path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        );
        head.extend(token.into_iter().flat_map(|token| ["Authorization: Bearer ", token, "\r\n"]));
        if !protocols.is_empty() {
            head.extend(["Sec-WebSocket-Protocol: ", protocols, "\r\n"]);
        }
        let mut stream = BufReader::new(TcpStream::connect(host).await?);
        stream.get_mut().write_all((head + "\r\n").as_bytes()).await?;
        let mut answer = String::new();
        while !answer.ends_with("\r\n\r\n") {
            if stream.read_line(&mut answer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        if status != 101 {
            return Ok(Err(status));
        }
        assert!(answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{answer}");
        Ok(Ok(Self(stream)))
    }

    /// The next frame, pings answered. Not cancel-safe.
    pub(crate) async fn next(&mut self) -> Message {
        loop {
            let Ok((opcode, payload)) = self.read().await else { return Message::Cut };
            match opcode {
                TEXT => return Message::Frame(serde_json::from_slice(&payload).unwrap()),
                CLOSE => {
                    let code = payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code));
                    self.write(CLOSE, &payload).await.ok();
                    return Message::Closed(code);
                }
                PING => {
                    self.write(PONG, &payload).await.ok();
                }
                _ => assert_eq!(opcode, PONG),
            }
        }
    }

    /// The next frame. Fails the test when there is none.
    pub(crate) async fn frame(&mut self) -> Value {
        match timeout(SOON, self.next()).await.unwrap() {
            Message::Frame(frame) => frame,
            end @ (Message::Closed(_) | Message::Cut) => panic!("{end:?}"),
        }
    }

    /// Waits for the end, and answers its code.
    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            match timeout(SOON, self.next()).await.unwrap() {
                Message::Frame(_) => {}
                Message::Closed(code) => return code,
                Message::Cut => panic!("the connection broke"),
            }
        }
    }

    /// Sends a frame; the connection may be cut already.
    pub(crate) async fn send(&mut self, frame: &Value) -> io::Result<()> {
        self.write(TEXT, frame.to_string().as_bytes()).await
    }

    async fn read(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let [first, len] = self.0.read_u16().await?.to_be_bytes();
        assert_eq!(first & 0xf0, 0x80, "whole frames without extensions");
        let len = match len {
            126 => u64::from(self.0.read_u16().await?),
            127 => self.0.read_u64().await?,
            len => u64::from(len),
        };
        let mut payload = vec![0; usize::try_from(len).unwrap()];
        self.0.read_exact(&mut payload).await?;
        Ok((first & 0x0f, payload))
    }

    async fn write(&mut self, opcode: u8, payload: &[u8]) -> io::Result<()> {
        let mut frame = vec![0x80 | opcode];
        if payload.len() < 126 {
            frame.push(0x80 | u8::try_from(payload.len()).unwrap());
        } else {
            frame.push(0xfe);
            frame.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
        }
        frame.extend(MASK);
        frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        self.0.get_mut().write_all(&frame).await
    }
}
