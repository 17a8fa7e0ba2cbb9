//! As much of a WebSocket client (RFC 6455) as it takes to see when a frame arrives.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::Result;

/// Bytes that a client holds for what comes; there may be many clients.
const BUFFER: usize = 1024;
/// A frame longer than this is none of ours.
const FRAME_MAX: usize = 1 << 20;

pub(crate) struct Frames {
    stream: BufReader<TcpStream>,
}

impl Frames {
    /// Opens a plain stream with a user token.
    pub(crate) async fn open(address: SocketAddr, token: &str) -> Result<Self> {
        Self::shake_hands(address, token, "").await
    }

    /// Opens a session of the whole protocol, and waits until it is live.
    pub(crate) async fn greet(address: SocketAddr, token: &str, device: &str) -> Result<Self> {
        let mut frames = Self::shake_hands(address, token, "Sec-WebSocket-Protocol: eventcenter.v1.json\r\n").await?;
        frames.say(&format!(r#"{{"t":"hello","v":1,"device":"{device}"}}"#)).await?;
        frames.next_with(r#""t":"replay_done""#).await?;
        Ok(frames)
    }

    /// Sends a short text. Masked with zeros, which is as good as any mask where no proxy stands between.
    async fn say(&mut self, text: &str) -> Result<()> {
        let length = u8::try_from(text.len()).ok().filter(|length| *length < 126).ok_or("a text is too long")?;
        let frame = [&[0x81, 0x80 | length, 0, 0, 0, 0], text.as_bytes()].concat();
        Ok(self.stream.write_all(&frame).await?)
    }

    async fn shake_hands(address: SocketAddr, token: &str, header: &str) -> Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        // The key is the RFC's own example: nobody here looks at the answer to it.
        let request = format!(
            "GET /ws HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\n{header}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut stream = BufReader::with_capacity(BUFFER, stream);
        let mut status = String::new();
        stream.read_line(&mut status).await?;
        if !status.starts_with("HTTP/1.1 101") {
            return Err(format!("/ws answered {}", status.trim()).into());
        }
        let mut header = status;
        while !header.trim().is_empty() {
            header.clear();
            stream.read_line(&mut header).await?;
        }
        Ok(Self { stream })
    }

    /// Waits for a frame that contains `text`.
    pub(crate) async fn next_with(&mut self, text: &str) -> Result<()> {
        loop {
            let frame = self.next().await?;
            if String::from_utf8_lossy(&frame).contains(text) {
                return Ok(());
            }
        }
    }

    async fn next(&mut self) -> Result<Vec<u8>> {
        let [_, length] = [self.stream.read_u8().await?, self.stream.read_u8().await?];
        let length = match length {
            126 => u64::from(self.stream.read_u16().await?),
            127 => self.stream.read_u64().await?,
            short => short.into(),
        };
        let length = usize::try_from(length).ok().filter(|length| *length <= FRAME_MAX).ok_or("a frame is too long")?;
        let mut payload = vec![0; length];
        self.stream.read_exact(&mut payload).await?;
        Ok(payload)
    }
}
