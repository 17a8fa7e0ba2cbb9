//! A connection to the database that can be cut and mended.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use eventcenter_core::tasks::Tasks;
use sqlx::postgres::PgConnectOptions;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

use super::database::Database;

/// A proxy between a server and its database.
#[derive(Debug)]
pub(crate) struct Severable {
    url: String,
    is_severed: watch::Sender<bool>,
}

impl Severable {
    /// A way to `db` that is whole.
    pub(crate) async fn to(db: &Database) -> Self {
        let options: PgConnectOptions = db.url().parse().unwrap();
        let socket = options.get_socket().unwrap().join(format!(".s.PGSQL.{}", options.get_port()));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = format!("postgres://postgres@127.0.0.1:{port}/{}", options.get_database().unwrap());
        let (is_severed, severed) = watch::channel(false);
        let tasks = Tasks::default();
        let connections = tasks.clone();
        tasks.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (socket, mut severed) = (socket.clone(), severed.clone());
                connections.spawn(async move {
                    // Dropping both ends is what their peers see of a host that is gone.
                    tokio::select! {
                        _ = severed.wait_for(|is_severed| *is_severed) => {}
                        () = join(client, socket) => {}
                    }
                });
            }
        });
        Self { url, is_severed }
    }

    /// What a server is told.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Cuts every connection, and lets no new one through.
    pub(crate) fn sever(&self) {
        self.is_severed.send_replace(true);
    }

    /// Lets new connections through.
    pub(crate) fn heal(&self) {
        self.is_severed.send_replace(false);
    }
}

async fn join(mut client: TcpStream, socket: PathBuf) {
    let mut server = UnixStream::connect(socket).await.unwrap();
    // However it ends, the connection is over.
    drop(copy_bidirectional(&mut client, &mut server).await);
}
