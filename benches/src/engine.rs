//! The binary under test, as an operator runs it.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::time::{Duration, Instant};

use eventcenter::auth::Tokens;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Child;
use uuid::Uuid;

use crate::command::{command, number_after, output};
use crate::processes;
use crate::{Error, Result};

/// A process that takes no connection by then has failed.
const START: Duration = Duration::from_secs(20);
/// A process that has not ended by then is killed.
const GRACE: Duration = Duration::from_secs(20);
/// Between two looks.
pub(crate) const LOOK: Duration = Duration::from_millis(50);

/// A running `eventcenter serve`. Killed when dropped.
pub(crate) struct Engine {
    process: Child,
    address: SocketAddr,
    service_key: String,
    jwt_secret: String,
}

impl Engine {
    /// Starts these parts of it over a migrated database.
    pub(crate) async fn serve(binary: &Path, database_url: &str, parts: &str) -> Result<Self> {
        let address = free_address()?;
        let mut key = command(binary);
        key.args(["key", "create", "bench"]).env("DATABASE_URL", database_url);
        let service_key = output(key).await?.trim().to_owned();
        let jwt_secret = format!("{}{}", Uuid::now_v7().simple(), Uuid::now_v7().simple());
        let process = command(binary)
            .args(["serve", "--only", parts, "--listen", &address.to_string()])
            .env("DATABASE_URL", database_url)
            .env("EVENTCENTER_JWT_SECRET", &jwt_secret)
            .env("EVENTCENTER_LOG", "warn")
            .spawn()?;
        let mut engine = Self { process, address, service_key, jwt_secret };
        await_listening(&mut engine.process, address).await?;
        let began = Instant::now();
        while !engine.get("/readyz").await?.starts_with("HTTP/1.1 200") {
            if began.elapsed() > START {
                return Err("the engine does not become ready".into());
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(engine)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn service_key(&self) -> &str {
        &self.service_key
    }

    /// A token with which `user` is let in.
    pub(crate) async fn token(&self, binary: &Path, user: i64) -> Result<String> {
        let mut token = command(binary);
        token.args(["token", "--user", &user.to_string()]).env("EVENTCENTER_JWT_SECRET", &self.jwt_secret);
        Ok(output(token).await?.trim().to_owned())
    }

    /// The same for very many people.
    pub(crate) fn tokens(&self) -> Tokens {
        Tokens::hs256(&self.jwt_secret)
    }

    /// Resident memory of the process, in bytes.
    pub(crate) fn resident(&self) -> Result<f64> {
        processes::resident(self.id()?)
    }

    /// CPU time of the process so far, in seconds.
    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        processes::cpu_seconds(self.id()?)
    }

    /// A number of `/metrics`; 0 when there is none of that name.
    pub(crate) async fn metric(&self, name: &str) -> Result<f64> {
        let metrics = self.get("/metrics").await?;
        if metrics.contains(name) { number_after(&metrics, name) } else { Ok(0.0) }
    }

    async fn get(&self, path: &str) -> Result<String> {
        let mut stream = TcpStream::connect(self.address).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }

    fn id(&self) -> Result<u32> {
        Ok(self.process.id().ok_or("it has ended")?)
    }

    /// As an operator ends it, by SIGTERM.
    pub(crate) async fn stop(mut self) -> Result<()> {
        terminate(&mut self.process).await
    }
}

/// A port that nobody listens on.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// Waits until a process takes connections.
pub(crate) async fn await_listening(process: &mut Child, address: SocketAddr) -> Result<()> {
    let began = Instant::now();
    while TcpStream::connect(address).await.is_err() {
        if let Some(status) = process.try_wait()? {
            return Err(format!("what should listen on {address} ended with {status}").into());
        }
        if began.elapsed() > START {
            return Err(format!("nobody takes connections on {address}").into());
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

/// Sends SIGTERM, and SIGKILL to one that does not listen.
pub(crate) async fn terminate(process: &mut Child) -> Result<()> {
    let Some(id) = process.id() else { return Ok(()) };
    command("kill").arg(id.to_string()).status().await?;
    match tokio::time::timeout(GRACE, process.wait()).await {
        Ok(status) => status.map(|_| ()).map_err(Error::from),
        Err(_elapsed) => Ok(process.kill().await?),
    }
}
