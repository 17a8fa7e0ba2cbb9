//! Servers of others, each as its own documentation starts it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tokio::process::{Child, Command};

use crate::Result;
use crate::command::{command, node};
use crate::engine::{await_listening, free_address, terminate};
use crate::processes::{cpu_seconds, resident_together};

/// A running server. Killed when dropped.
pub(crate) struct Peer {
    process: Child,
    address: SocketAddr,
    /// What it writes goes with it.
    scratch: Option<Scratch>,
}

impl Peer {
    /// npm `ws`, a server that keeps its sockets and says nothing.
    pub(crate) async fn npm_ws(home: &Path) -> Result<Self> {
        let address = free_address()?;
        let mut node = node(home, "ws.mjs")?;
        node.arg(address.port().to_string());
        Self::start(node, address, None).await
    }

    /// The same by axum's own WebSockets, with `buffers` as it sets them or as small as they may be.
    pub(crate) async fn axum_ws(buffers: &str) -> Result<Self> {
        let address = free_address()?;
        let mut axum = command(std::env::current_exe()?.with_file_name("axum-ws"));
        axum.args([&address.to_string(), buffers]);
        Self::start(axum, address, None).await
    }

    /// Nchan, in nginx, with a worker for each core and its messages in memory.
    pub(crate) async fn nchan(home: &Path) -> Result<Self> {
        let address = free_address()?;
        let scratch = Scratch(std::env::temp_dir().join(format!("eventcenter-nchan-{}", std::process::id())));
        std::fs::create_dir_all(&scratch.0)?;
        let config = std::fs::read_to_string(home.join("peers/nchan.conf"))?
            .replace("ADDRESS", &address.to_string())
            .replace("SCRATCH", &scratch.0.to_string_lossy());
        let file = scratch.0.join("nginx.conf");
        std::fs::write(&file, config)?;
        let mut nginx = command("/usr/sbin/nginx");
        nginx.arg("-p").arg(&scratch.0).arg("-c").arg(&file).args(["-e", "stderr"]);
        Self::start(nginx, address, Some(scratch)).await
    }

    async fn start(mut command: Command, address: SocketAddr, scratch: Option<Scratch>) -> Result<Self> {
        let mut process = command.spawn()?;
        await_listening(&mut process, address).await?;
        Ok(Self { process, address, scratch })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Resident memory of all its processes, in bytes; what they share is counted once.
    pub(crate) fn resident(&self) -> Result<f64> {
        resident_together(self.process.id().ok_or("it has ended")?)
    }

    /// CPU time of all its processes so far, in seconds.
    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        cpu_seconds(self.process.id().ok_or("it has ended")?)
    }

    pub(crate) async fn stop(mut self) -> Result<()> {
        terminate(&mut self.process).await?;
        drop(self.scratch);
        Ok(())
    }
}

/// A directory that is removed when dropped.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}
