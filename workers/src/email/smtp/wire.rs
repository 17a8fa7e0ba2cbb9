//! TLS from the first byte (RFC 8314), over a socket with `TCP_NODELAY`.
//!
//! lettre would make the socket itself and leave Nagle's algorithm on: the last, small packet of a mail then waits for
//! the peer's delayed acknowledgement, some 40 ms each time.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use lettre::transport::smtp::client::AsyncTokioStream;
use rustls_native_certs::load_native_certs;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Encrypts for one host, which must prove by the system's root certificates who it is.
#[derive(Clone)]
pub(super) struct ImplicitTls {
    connector: TlsConnector,
    host: ServerName<'static>,
}

impl ImplicitTls {
    /// Reads the system's root certificates. `None` when the host is no name that a certificate can bear.
    pub(super) fn new(host: &str) -> Option<Self> {
        let mut roots = RootCertStore::empty();
        // What the system has and cannot be read is no root of ours; without any, every handshake fails and says so.
        roots.add_parsable_certificates(load_native_certs().certs);
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let host = ServerName::try_from(host.to_owned()).ok()?;
        Some(Self { connector: TlsConnector::from(Arc::new(config)), host })
    }

    /// Shakes hands.
    pub(super) async fn over(&self, stream: TcpStream) -> io::Result<Wire> {
        self.connector.connect(self.host.clone(), stream).await.map(|stream| Wire(Box::new(stream)))
    }
}

/// An encrypted socket, as lettre takes one.
#[derive(Debug)]
pub(super) struct Wire(Box<TlsStream<TcpStream>>);

impl AsyncTokioStream for Wire {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.get_ref().0.peer_addr()
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
