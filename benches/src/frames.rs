//! As much of a WebSocket client (RFC 6455) as it takes to see when a frame arrives.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::Result;

/// A frame longer than this is none of ours.
const FRAME_MAX: usize = 1 << 20;

pub(crate) struct Frames {
    stream: BufReader<TcpStream>,
}

impl Frames {
    /// Opens `/ws` with a user token.
    pub(crate) async fn open(address: SocketAddr, token: &str) -> Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        // The key is the RFC's own example: nobody here looks at the answer to it.
        let request = format!(
            "GET /ws HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut stream = BufReader::new(stream);
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
