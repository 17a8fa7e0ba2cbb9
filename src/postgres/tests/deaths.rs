//! What is left, and what works again, when something dies on the way.

use std::{
    env, fs,
    os::unix::net::UnixStream,
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use sqlx::{Connection, PgConnection};

use super::{super::process::pause, DEADLINE, Error, Options, Postgres, ask, installed, pretended, scratch, start};

/// Ample for a start that does not wait to be refused by Postgres.
const A_FAILED_START: Duration = Duration::from_secs(1);

/// Names the directory in which the other process is to hold a server.
const HOLDER_DIRECTORY: &str = "EVENTCENTER_TEST_HOLDS_POSTGRES_IN";

#[test]
fn a_crash_while_the_data_was_made_costs_nothing() {
    let directory = scratch();
    let half_made = directory.path().join("unfinished-by-a-crash");
    fs::create_dir_all(half_made.join("data/base")).unwrap();
    let postgres = start(Options::at(directory.path()));
    assert_eq!(ask(postgres.url(), "select 'whole'").unwrap(), "whole");
    assert!(!half_made.exists());
}

#[test]
fn a_parent_killed_while_the_data_was_made_costs_nothing() {
    let directory = scratch();
    let mut parent = hold_in_another_process(directory.path());
    eventually("initdb is at work", || {
        let mut entries = fs::read_dir(directory.path()).unwrap().flatten();
        entries.any(|entry| entry.path().join("data/base").exists())
    });
    parent.kill().unwrap();
    parent.wait().unwrap();
    assert!(!directory.path().join("cluster").exists());
    let postgres = start(Options::at(directory.path()));
    assert_eq!(ask(postgres.url(), "select 'whole'").unwrap(), "whole");
}

#[test]
fn a_server_that_was_killed_starts_again() {
    let directory = scratch();
    let mut killed = start(Options::at(directory.path()));
    killed.process.signal(libc::SIGKILL).unwrap();
    killed.process.wait(DEADLINE).unwrap().unwrap();
    let left_behind = killed.home.data().join("postmaster.pid");
    drop(killed);
    assert!(left_behind.exists());
    let again = start(Options::at(directory.path()));
    assert_eq!(ask(again.url(), "select 'again'").unwrap(), "again");
}

#[test]
fn a_killed_parent_takes_its_server_along() {
    let directory = scratch();
    let mut parent = hold_in_another_process(directory.path());
    let socket = directory.path().join("run/.s.PGSQL.5432");
    eventually("the server is up", || UnixStream::connect(&socket).is_ok());
    parent.kill().unwrap();
    parent.wait().unwrap();
    let pid_file = directory.path().join("cluster/data/postmaster.pid");
    eventually("the server is gone", || UnixStream::connect(&socket).is_err() && !pid_file.exists());
}

#[test]
fn a_start_right_after_the_parent_was_killed_waits_for_the_orphan() {
    let directory = scratch();
    let mut parent = hold_in_another_process(directory.path());
    let url = format!("postgres://postgres@localhost/postgres?host={}/run", directory.path().display());
    eventually("the server is up", || ask(&url, "select ''").is_ok());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut client = runtime.block_on(PgConnection::connect(&url)).unwrap();
    let backend = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut client);
    let backend = runtime.block_on(backend).unwrap();

    send("STOP", backend); // The server waits for it. (Stopped itself, it would be woken as an orphan.)
    parent.kill().unwrap();
    parent.wait().unwrap();
    let (started, next) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(|| {
            let options = installed(Options::at(directory.path()));
            started.send(Postgres::start(&options)).unwrap();
        });
        let too_early = next.recv_timeout(A_FAILED_START);
        send("CONT", backend);
        assert!(too_early.is_err(), "{too_early:?}");
        let next = next.recv_timeout(DEADLINE).unwrap().unwrap();
        assert_eq!(ask(next.url(), "select 'next'").unwrap(), "next");
    });
}

fn send(signal: &str, pid: i32) {
    let mut shell = Command::new("sh");
    let sent = shell.args(["-c", &format!("kill -{signal} {pid}")]).status().unwrap();
    assert!(sent.success());
}

#[test]
#[ignore = "the other process of the tests that kill one"]
fn holds_a_server_until_killed() {
    let directory = env::var_os(HOLDER_DIRECTORY).expect("started by a test that kills it");
    let postgres = start(Options::at(directory));
    thread::park_timeout(DEADLINE * 2);
    drop(postgres);
}

#[test]
fn an_initdb_that_fails_leaves_no_data_that_looks_whole() {
    let directory = scratch();
    let broken = pretended("postgres (PostgreSQL) 15.1");
    let options = Options::at(directory.path()).bindir(Some(broken.path().to_owned()));
    let error = Postgres::start(&options).unwrap_err();
    assert!(matches!(&error, Error::Failed { program, .. } if program.ends_with("initdb")), "{error}");
    let postgres = start(Options::at(directory.path()));
    assert_eq!(ask(postgres.url(), "select 'whole'").unwrap(), "whole");
}

fn hold_in_another_process(directory: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--ignored", "--exact", "postgres::tests::deaths::holds_a_server_until_killed"])
        .env(HOLDER_DIRECTORY, directory)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}");
        pause();
    }
}
