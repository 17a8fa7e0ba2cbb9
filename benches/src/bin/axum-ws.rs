//! A peer: axum's own WebSockets, a server that keeps its sockets and says nothing.
//!
//! `axum-ws ADDRESS default|small`: with its buffers as axum sets them, or as small as they may be.

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::response::Response;
use axum::routing::get;
use tokio::net::TcpListener;

/// Bytes read at a time, with small buffers.
const SMALL: usize = 1024;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let listener = TcpListener::bind(arguments.next().unwrap_or_default()).await?;
    let keep = if arguments.next().as_deref() == Some("small") { get(keep_small) } else { get(keep) };
    axum::serve(listener, Router::new().fallback_service(keep)).await
}

async fn keep_small(upgrade: WebSocketUpgrade) -> Response {
    keep(upgrade.read_buffer_size(SMALL).write_buffer_size(0)).await
}

async fn keep(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|mut socket| async move { while let Some(Ok(_)) = socket.recv().await {} })
}
