//! A push service that is as cheap as can be: it reads every message, looks at none, and counts those that it takes.
//!
//! `push_sink CERTIFICATE MANNERS…`, each `well`, `throttled` or `hanging`, listens on one port of 127.0.0.1 for each, speaks
//! HTTP/2 or HTTP/1.1 over TLS, and prints the ports. On standard input it is asked `counts`, which it answers with how many
//! each took, or told `recover`: then all are well. It ends with its standard input.
#![expect(clippy::print_stdout, reason = "whoever started it reads that")]
#![expect(clippy::disallowed_methods, reason = "what it has begun ends with it")]

use std::convert::Infallible;
use std::fs;
use std::io::BufRead;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::header::RETRY_AFTER;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// For how long a throttled service asks to be left alone.
const RETRY_AFTER_SECONDS: u32 = 30;
/// Streams that one connection may have open: as many as services of this size allow.
const STREAMS_MAX: u32 = 256;

#[derive(Clone, Copy, Debug)]
enum Manners {
    Well,
    Throttled,
    Hanging,
}

/// One port.
#[derive(Debug)]
struct Sink {
    manners: Manners,
    taken: AtomicU64,
    has_recovered: Arc<AtomicBool>,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let tls = acceptor(&arguments.next().ok_or("no certificate")?)?;
    let has_recovered = Arc::new(AtomicBool::new(false));
    let mut sinks = Vec::new();
    let mut ports = Vec::new();
    for manners in arguments {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        ports.push(listener.local_addr()?.port().to_string());
        let (taken, has_recovered) = (AtomicU64::new(0), Arc::clone(&has_recovered));
        let sink = Arc::new(Sink { manners: manners.parse()?, taken, has_recovered });
        tokio::spawn(listen(listener, tls.clone(), Arc::clone(&sink)));
        sinks.push(sink);
    }
    println!("{}", ports.join(" "));
    tokio::task::spawn_blocking(move || {
        for line in std::io::stdin().lock().lines() {
            if line?.trim() == "recover" {
                has_recovered.store(true, Ordering::Relaxed);
            }
            let counts: Vec<String> = sinks.iter().map(|sink| sink.taken.load(Ordering::Relaxed).to_string()).collect();
            println!("{}", counts.join(" "));
        }
        Ok(())
    })
    .await?
}

fn acceptor(certificate: &str) -> Result<TlsAcceptor, Error> {
    let pem = fs::read(certificate)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let mut config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(chain?, PrivateKeyDer::from_pem_slice(&pem)?)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn listen(listener: TcpListener, tls: TlsAcceptor, sink: Arc<Sink>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, tls.clone(), Arc::clone(&sink)));
    }
}

/// Until the sender has had enough: how its connection ends is no concern of ours.
async fn serve(stream: TcpStream, tls: TlsAcceptor, sink: Arc<Sink>) {
    stream.set_nodelay(true).ok();
    let Ok(stream) = tls.accept(stream).await else { return };
    let service = service_fn(move |request| Arc::clone(&sink).answer(request));
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http2().max_concurrent_streams(STREAMS_MAX);
    server.serve_connection(TokioIo::new(stream), service).await.ok();
}

impl Sink {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Empty<Bytes>>, Infallible> {
        let mut response = Response::new(Empty::new());
        *response.status_mut() = StatusCode::CREATED;
        if request.into_body().collect().await.is_err() {
            *response.status_mut() = StatusCode::BAD_REQUEST;
            return Ok(response);
        }
        let is_well = self.has_recovered.load(Ordering::Relaxed);
        match self.manners {
            Manners::Throttled if !is_well => {
                *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
                response.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_SECONDS.into());
                return Ok(response);
            }
            // What hangs is never taken, even when it has recovered.
            Manners::Hanging if !is_well => std::future::pending().await,
            Manners::Well | Manners::Throttled | Manners::Hanging => {}
        }
        self.taken.fetch_add(1, Ordering::Relaxed);
        Ok(response)
    }
}

impl std::str::FromStr for Manners {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "well" => Ok(Self::Well),
            "throttled" => Ok(Self::Throttled),
            "hanging" => Ok(Self::Hanging),
            other => Err(format!("no such manners: {other}")),
        }
    }
}
