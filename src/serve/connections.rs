//! The connections of clients: accepted, served over HTTP/1.1, and let go at the end.
//!
//! Not `axum::serve`: it waits for ever for the rest of half a request, while it serves and when it should stop.

use std::io;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use eventcenter_core::tasks::Tasks;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};

/// A connection that brings no whole request head for this long is closed, whether it is idle or slow. As long as
/// nginx keeps its own idle connections to us, so that it seldom finds one closed.
pub(super) const SILENCE_MAX: Duration = Duration::from_mins(1);
/// A peer that takes no byte for this long while some wait for it is given up (`TCP_USER_TIMEOUT`, RFC 5482). Longer than
/// a session waits, which closes its socket in order.
const STUCK: Duration = Duration::from_secs(20);
/// Bytes that the kernel takes for a peer beyond what the peer's window allows (`TCP_NOTSENT_LOWAT`, tcp(7)); more wait in
/// the process, which bounds them. Without it the kernel keeps up to 4 MB for each peer that has stopped reading.
const UNSENT_MAX: u32 = 128 * 1024;
/// Before the next accept after one that failed, as it does while the process has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves whoever connects, until told to stop. Then idle connections are closed, and `tasks` end when the requests
/// under way are answered. `silence_max` is [`SILENCE_MAX`], except in tests.
pub(super) async fn accept(listener: TcpListener, router: Router, tasks: &Tasks, silence_max: Duration) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(silence_max);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted.and_then(|(socket, _)| at_once(socket)),
            () = tasks.stopping() => return,
        };
        match accepted {
            Ok(socket) => tasks.spawn(serve(http.clone(), socket, router.clone(), tasks.clone())),
            Err(error) => {
                tracing::debug!(%error, "a connection was not accepted");
                tasks.pause(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(http: http1::Builder, socket: TcpStream, router: Router, tasks: Tasks) {
    let connection = http.serve_connection(TokioIo::new(socket), TowerToHyperService::new(router)).with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = tasks.stopping() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::trace!(%error, "a connection broke");
    }
}

/// A response is written at once: waiting for more to send would only add the peer's delayed ACK. And the kernel gives up a
/// peer that takes nothing more, as nobody else would while hyper waits for it.
fn at_once(socket: TcpStream) -> io::Result<TcpStream> {
    socket.set_nodelay(true)?;
    SockRef::from(&socket).set_tcp_user_timeout(Some(STUCK))?;
    SockRef::from(&socket).set_tcp_notsent_lowat(UNSENT_MAX)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::Arc;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::oneshot::Receiver;
    use tokio::sync::{Notify, oneshot};
    use tokio::time::timeout;

    use super::*;

    /// No test should come near it.
    const DEADLINE: Duration = Duration::from_secs(10);

    /// The second of the two ends with [`accept`].
    async fn serving(router: Router, tasks: &Tasks, silence_max: Duration) -> (SocketAddr, Receiver<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (accepting, ended) = oneshot::channel();
        let own = tasks.clone();
        tasks.spawn(async move {
            accept(listener, router, &own, silence_max).await;
            drop(accepting);
        });
        (address, ended)
    }

    async fn say(address: SocketAddr, text: &str) -> TcpStream {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(text.as_bytes()).await.unwrap();
        socket
    }

    async fn hear(mut socket: TcpStream) -> String {
        let mut text = String::new();
        timeout(DEADLINE, socket.read_to_string(&mut text)).await.unwrap().unwrap();
        text
    }

    #[tokio::test]
    async fn half_a_request_does_not_hold_up_the_end() {
        let tasks = Tasks::default();
        let (address, accepting) = serving(Router::new(), &tasks, DEADLINE).await;
        let _half = say(address, "GET / HT").await;
        let whole = say(address, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        assert!(hear(whole).await.starts_with("HTTP/1.1 404"));

        tasks.stop();

        assert!(timeout(DEADLINE, accepting).await.is_ok());
    }

    #[tokio::test]
    async fn whoever_says_nothing_or_half_of_it_is_hung_up_on() {
        let (address, _accepting) = serving(Router::new(), &Tasks::default(), Duration::from_millis(50)).await;

        for text in ["", "GET / HT"] {
            let heard = hear(say(address, text).await).await;

            assert!(!heard.contains("200"), "{heard}");
        }
    }

    #[tokio::test]
    async fn a_request_under_way_is_answered_after_the_stop() {
        let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let slow = {
            let (begun, go_on) = (Arc::clone(&begun), Arc::clone(&go_on));
            get(async move || {
                begun.notify_one();
                go_on.notified().await;
                "done"
            })
        };
        let tasks = Tasks::default();
        let (address, _accepting) = serving(Router::new().route("/", slow), &tasks, DEADLINE).await;
        let client = say(address, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        begun.notified().await;
        tasks.stop();

        go_on.notify_one();

        assert!(tasks.drain(DEADLINE).await);
        assert!(hear(client).await.ends_with("done"));
    }
}
