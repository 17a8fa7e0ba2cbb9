//! A child process that does not outlive this one. The only file of the project with unsafe code.
#![expect(
    unsafe_code,
    reason = "std can neither send SIGINT, nor ask who we are, nor have the kernel signal an orphan"
)]

use std::{
    convert::Infallible,
    io,
    os::unix::process::CommandExt,
    process::{Child, Command, ExitStatus},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// Grace when nobody named one: ample for the checkpoint of a development server.
const DROP_GRACE: Duration = Duration::from_secs(20);

/// After SIGQUIT Postgres itself kills its children after 5 s; a server still there by then gets SIGKILL.
const QUIT_GRACE: Duration = Duration::from_secs(10);

/// SIGKILL cannot be refused, only delayed by the disk. After this we stop waiting, and say so.
const KILL_GRACE: Duration = Duration::from_secs(10);

/// Between two looks at a process; adds at most this to a start or a stop.
const POLL: Duration = Duration::from_millis(5);

/// Waits a moment before the next look.
#[expect(clippy::disallowed_methods, reason = "blocks by contract; spawn_blocking keeps it off the runtime")]
pub(super) fn pause() {
    thread::sleep(POLL);
}

/// Root may do what Postgres refuses to be run with.
pub(super) fn we_are_root() -> bool {
    // SAFETY: geteuid takes nothing, touches no memory and cannot fail.
    let user = unsafe { libc::geteuid() };
    user == 0
}

/// A child that is stopped when dropped, and by the kernel when this process dies without dropping it.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    // The kernel signals the child when the *thread* that spawned it ends. That thread ends when this does.
    _leash: mpsc::Sender<Infallible>,
}

impl Process {
    /// Runs `command` in a process group of its own: Ctrl-C is for us, who drain before we stop the server.
    pub(super) fn spawn(mut command: Command) -> io::Result<Self> {
        command.process_group(0);
        die_with_parent(&mut command);
        let (leash, held) = mpsc::channel();
        let (spawned, child) = mpsc::sync_channel(1);
        thread::Builder::new().name("postgres-parent".to_owned()).spawn(move || {
            if spawned.send(command.spawn()).is_ok() {
                let Err(mpsc::RecvError) = held.recv();
            }
        })?;
        Ok(Self { child: child.recv().map_err(io::Error::other)??, _leash: leash })
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How the child ended; none when it still runs after `patience`.
    pub(super) fn wait(&mut self, patience: Duration) -> io::Result<Option<ExitStatus>> {
        let began = Instant::now();
        loop {
            let status = self.child.try_wait()?;
            if status.is_some() || began.elapsed() >= patience {
                return Ok(status);
            }
            pause();
        }
    }

    /// Asks for a fast shutdown (SIGINT), after `grace` for an immediate one, and in the end kills.
    pub(super) fn stop(&mut self, grace: Duration) {
        for (signal, patience) in [(libc::SIGINT, grace), (libc::SIGQUIT, QUIT_GRACE), (libc::SIGKILL, KILL_GRACE)] {
            match self.signal(signal).and_then(|()| self.wait(patience)) {
                Ok(Some(_)) => return,
                Ok(None) => tracing::warn!(pid = self.id(), signal, ?patience, "child did not end in time"),
                Err(error) => tracing::warn!(pid = self.id(), signal, %error, "cannot stop child"),
            }
        }
    }

    /// Does nothing when the child has ended.
    pub(super) fn signal(&mut self, signal: libc::c_int) -> io::Result<()> {
        if self.child.try_wait()?.is_some() {
            return Ok(());
        }
        let pid = libc::pid_t::try_from(self.id()).map_err(io::Error::other)?;
        // SAFETY: kill touches no memory. The id is still our child's: only we reap it, and have not yet.
        match unsafe { libc::kill(pid, signal) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop(DROP_GRACE);
    }
}

/// Has the kernel send the child SIGINT, a fast shutdown, when the thread that spawns it ends. Linux only:
/// elsewhere a killed parent leaves its server running, until the next start on that directory names it.
#[cfg(target_os = "linux")]
fn die_with_parent(command: &mut Command) {
    let parent = libc::pid_t::try_from(std::process::id());
    let in_child = move || {
        // SAFETY: `signal` and `prctl` are given constants and touch none of our memory.
        let failed = unsafe {
            // A shell's background job inherits SIGINT as ignored; undone here, lest an early one be lost.
            libc::signal(libc::SIGINT, libc::SIG_DFL) == libc::SIG_ERR
                || libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGINT) != 0
        };
        if failed {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: getppid takes nothing, touches no memory and cannot fail.
        let parent_now = unsafe { libc::getppid() };
        if parent == Ok(parent_now) {
            Ok(())
        } else {
            // It died before the signal was set up, so none will come.
            Err(io::Error::from_raw_os_error(libc::ESRCH))
        }
    };
    // SAFETY: between fork and exec the closure makes only async-signal-safe calls, and does not allocate.
    // std runs it after the change of user, which would have cleared the death signal.
    unsafe { command.pre_exec(in_child) };
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent(_: &mut Command) {}
