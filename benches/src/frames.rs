//! As much of a WebSocket client (RFC 6455) as it takes to be told something, by us and by the peers.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};

use crate::Result;

/// Bytes that a client holds for what comes; there may be many clients.
const BUFFER: usize = 2048;
/// A frame longer than this is none of ours.
const FRAME_MAX: usize = 1 << 20;
/// Offered by clients of the whole protocol.
const PROTOCOL: &str = "Sec-WebSocket-Protocol: eventcenter.v1.json\r\n";
const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

pub(crate) struct Frames {
    stream: BufReader<TcpStream>,
}

/// Whether a server let a client in.
pub(crate) enum Answer {
    In(Frames),
    /// It has no place now: HTTP 503.
    Busy,
}

impl Frames {
    /// Opens a plain stream with a user token.
    pub(crate) async fn open(address: SocketAddr, token: &str) -> Result<Self> {
        Self::upgrade(TcpStream::connect(address).await?, "/ws", &bearer(token)).await?.or_refused()
    }

    /// A plain stream from its beginning, which the kernel takes as little of as it may.
    pub(crate) async fn open_narrow(address: SocketAddr, token: &str, receive_bytes: u32) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(receive_bytes)?;
        Self::upgrade(socket.connect(address).await?, "/ws?after=0", &bearer(token)).await?.or_refused()
    }

    /// Opens a session of the whole protocol of a device, and waits until it is live.
    pub(crate) async fn greet(address: SocketAddr, token: &str, device: &str) -> Result<Self> {
        let mut frames = Self::knock(address, token).await?.or_refused()?;
        frames.hello(&format!(r#""device":"{device}""#)).await?;
        frames.next_with(r#""t":"replay_done""#).await?;
        Ok(frames)
    }

    /// Asks for a session of the whole protocol, which begins with [`Self::hello`].
    pub(crate) async fn knock(address: SocketAddr, token: &str) -> Result<Answer> {
        Self::upgrade(TcpStream::connect(address).await?, "/ws", &(bearer(token) + PROTOCOL)).await
    }

    /// Opens a socket of a peer, who asks nobody for anything.
    pub(crate) async fn open_at(address: SocketAddr, path: &str) -> Result<Self> {
        Self::upgrade(TcpStream::connect(address).await?, path, "").await?.or_refused()
    }

    async fn upgrade(mut stream: TcpStream, path: &str, headers: &str) -> Result<Answer> {
        stream.set_nodelay(true)?;
        // The key is the RFC's own example: nobody here looks at the answer to it.
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{headers}\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut stream = BufReader::with_capacity(BUFFER, stream);
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        if line.starts_with("HTTP/1.1 503") {
            return Ok(Answer::Busy);
        }
        if !line.starts_with("HTTP/1.1 101") {
            return Err(format!("{path} answered {:?}", line.trim()).into());
        }
        while !line.trim().is_empty() {
            line.clear();
            stream.read_line(&mut line).await?;
        }
        Ok(Answer::In(Self { stream }))
    }

    /// Begins a session with these members of `hello`.
    pub(crate) async fn hello(&mut self, members: &str) -> Result<()> {
        self.say(TEXT, format!(r#"{{"t":"hello","v":1,{members}}}"#).as_bytes()).await
    }

    /// Sends a short frame. Masked with zeros, which is as good as any mask where no proxy stands between.
    async fn say(&mut self, first: u8, payload: &[u8]) -> Result<()> {
        let length = u8::try_from(payload.len()).ok().filter(|length| *length < 126).ok_or("a frame is too long")?;
        let frame = [&[first, 0x80 | length, 0, 0, 0, 0], payload].concat();
        Ok(self.stream.write_all(&frame).await?)
    }

    /// Waits for a text that contains `text`, and answers it.
    pub(crate) async fn next_with(&mut self, text: &str) -> Result<String> {
        loop {
            let frame = String::from_utf8(self.next().await?)?;
            if frame.contains(text) {
                return Ok(frame);
            }
        }
    }

    /// The next text. Pings of both kinds are answered.
    pub(crate) async fn next(&mut self) -> Result<Vec<u8>> {
        loop {
            let (first, payload) = self.frame().await?;
            match first {
                TEXT if payload.starts_with(br#"{"t":"ping""#) => self.say(TEXT, br#"{"t":"pong"}"#).await?,
                TEXT => return Ok(payload),
                PING => self.say(PONG, &payload).await?,
                CLOSE => return Err(format!("closed: {}", String::from_utf8_lossy(&payload).escape_debug()).into()),
                other => return Err(format!("a frame that begins with {other:#x}").into()),
            }
        }
    }

    async fn frame(&mut self) -> Result<(u8, Vec<u8>)> {
        let [first, length] = [self.stream.read_u8().await?, self.stream.read_u8().await?];
        let length = match length {
            126 => u64::from(self.stream.read_u16().await?),
            127 => self.stream.read_u64().await?,
            short => short.into(),
        };
        let length = usize::try_from(length).ok().filter(|length| *length <= FRAME_MAX).ok_or("a frame is too long")?;
        let mut payload = vec![0; length];
        self.stream.read_exact(&mut payload).await?;
        Ok((first, payload))
    }

    /// Ends the connection by a reset, as a router does that has lost its table.
    pub(crate) fn cut(self) -> Result<()> {
        Ok(self.stream.into_inner().set_zero_linger()?)
    }
}

impl Answer {
    fn or_refused(self) -> Result<Frames> {
        match self {
            Self::In(frames) => Ok(frames),
            Self::Busy => Err("the server has no place".into()),
        }
    }
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}
