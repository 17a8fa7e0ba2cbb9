//! Programs that run beside the test: ours, and the peers. None outlives the test process.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use super::eventually::{SOON, eventually};

/// The lines that a program has written so far.
#[derive(Clone, Debug, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    /// Reads to the end, on a thread: the program must never wait for us to read.
    fn of(stream: impl Read + Send + 'static) -> Self {
        let lines = Self::default();
        let Self(read) = lines.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                read.lock().unwrap().push(line);
            }
        });
        lines
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// A running program. Killed when it is dropped; if the test has failed by then, what it said is shown.
#[derive(Debug)]
pub(crate) struct Process {
    child: Mutex<Child>,
    /// A peer ends when it closes.
    stdin: Mutex<ChildStdin>,
    stdout: Lines,
    stderr: Lines,
}

impl Process {
    /// Starts it.
    pub(crate) fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self {
            stdin: Mutex::new(child.stdin.take().unwrap()),
            stdout: Lines::of(child.stdout.take().unwrap()),
            stderr: Lines::of(child.stderr.take().unwrap()),
            child: Mutex::new(child),
        }
    }

    /// Writes a line to its standard input.
    pub(crate) fn write(&self, line: &str) {
        writeln!(self.stdin.lock().unwrap(), "{line}").unwrap();
    }

    /// What it has said on standard output.
    pub(crate) fn stdout(&self) -> Vec<String> {
        self.stdout.all()
    }

    /// What it has said on standard error.
    pub(crate) fn stderr(&self) -> Vec<String> {
        self.stderr.all()
    }

    /// Waits until it says what `wanted` looks for, on standard output or error.
    pub(crate) async fn says<T>(&self, wanted: impl Fn(&str) -> Option<T>) -> T {
        eventually(SOON, || async {
            // Asked first: what it said before it ended is there afterwards.
            let has_ended = self.has_ended().is_some();
            let lines = [self.stdout(), self.stderr()].concat();
            let found = lines.iter().find_map(|line| wanted(line));
            assert!(found.is_some() || !has_ended, "it has ended and said only:\n{}", lines.join("\n"));
            found
        })
        .await
    }

    /// Sends it a signal, as in `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.lock().unwrap().id().to_string();
        let killed = Command::new("sh").args(["-c", r#"kill -s "$0" "$1""#, name, &id]).status();
        assert!(killed.unwrap().success(), "kill -s {name} {id}");
    }

    /// Kills it, so that it can do nothing more, and waits until it is gone.
    pub(crate) fn kill(&self) {
        let mut child = self.child.lock().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Waits for its end.
    pub(crate) async fn ended(&self) -> ExitStatus {
        eventually(SOON, || async { self.has_ended() }).await
    }

    fn has_ended(&self) -> Option<ExitStatus> {
        self.child.lock().unwrap().try_wait().unwrap()
    }
}

impl Drop for Process {
    #[expect(clippy::print_stderr, reason = "the test runner shows it with the failed test")]
    fn drop(&mut self) {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        // Both fail only for a process that has ended already.
        drop((child.kill(), child.wait()));
        if std::thread::panicking() {
            eprintln!("--- process {} said:\n{}", child.id(), self.stderr().join("\n"));
        }
    }
}
