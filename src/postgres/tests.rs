//! Real servers, made from whatever Postgres is installed. `PG_BINDIR` names another.

mod deaths;
mod refusals;

use std::{
    env,
    error::Error as _,
    fs,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use sqlx::{Connection, PgConnection};

use super::{Error, Options, Postgres, Tcp, account::Account, process::we_are_root, scratch::Temporary};

const DEADLINE: Duration = Duration::from_secs(30);

fn scratch() -> Temporary {
    Temporary::new(&Account::choose(None).unwrap()).unwrap()
}

fn installed(options: Options) -> Options {
    options.bindir(env::var_os("PG_BINDIR").map(PathBuf::from)).setting("fsync", "off")
}

fn start(options: Options) -> Postgres {
    Postgres::start(&installed(options)).unwrap_or_else(|error| panic!("{error}: {:?}", error.source()))
}

/// The first column of the first row, as text.
fn ask(url: &str, query: &'static str) -> Result<String, sqlx::Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connection = PgConnection::connect(url).await?;
        let answer = sqlx::query_scalar(query).fetch_one(&mut connection).await;
        connection.close().await?;
        answer
    })
}

/// Written by another process: a test that forks while we have the file open for writing would keep it
/// from being run ("text file busy").
fn executable(path: &Path, script: &str) {
    let write = r#"printf '%s' "$1" > "$0" && chmod 755 "$0""#;
    let mut shell = Command::new("sh");
    let written = shell.args(["-c", write]).arg(path).arg(script).status().unwrap();
    assert!(written.success());
}

/// A directory whose `postgres` says that it is `version`.
fn pretended(version: &str) -> Temporary {
    let bindir = scratch();
    executable(&bindir.path().join("postgres"), &format!("#!/bin/sh\necho '{version}'\n"));
    executable(&bindir.path().join("initdb"), "#!/bin/sh\nexit 1\n");
    bindir
}

#[test]
fn a_temporary_server_answers_and_leaves_nothing_behind() {
    let postgres = start(Options::temporary());
    let said = ask(postgres.url(), "select current_setting('server_version')").unwrap();
    assert!(said.starts_with(postgres.version()), "{said} against {}", postgres.version());
    let (home, socket) = (postgres.home.data(), postgres.socket_dir().to_owned());
    assert!(home.exists() && socket.exists());
    postgres.stop(DEADLINE);
    assert!(!home.exists() && !socket.exists());
    assert!(!home.parent().unwrap().parent().unwrap().exists());
}

#[test]
fn a_stop_does_not_wait_for_clients_to_leave() {
    let postgres = start(Options::temporary());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let client = runtime.block_on(PgConnection::connect(postgres.url())).unwrap();
    let began = Instant::now();
    postgres.stop(DEADLINE);
    assert!(began.elapsed() < DEADLINE / 2);
    drop(client);
}

#[test]
fn a_ctrl_c_in_our_terminal_does_not_reach_the_server() {
    let postgres = start(Options::temporary());
    let pid = postgres.process.id();
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, after_name) = stat.rsplit_once(')').unwrap();
    let process_group = after_name.split_whitespace().nth(2).unwrap();
    assert_eq!(process_group, pid.to_string());
}

#[test]
fn what_was_written_is_there_after_a_restart() {
    let directory = scratch();
    let first = start(Options::at(directory.path()));
    let written = ask(first.url(), "select lo_from_bytea(4242, 'kept')::text").unwrap();
    assert_eq!(written, "4242");
    first.stop(DEADLINE);
    let second = start(Options::at(directory.path()));
    let read = "select convert_from(lo_get(4242), 'UTF8')";
    assert_eq!(ask(second.url(), read).unwrap(), "kept");
}

#[test]
fn without_tcp_the_socket_is_the_only_way_in() {
    let postgres = start(Options::temporary().setting("listen_addresses", "*"));
    assert_eq!(postgres.tcp_url(), None);
    assert_eq!(ask(postgres.url(), "show listen_addresses").unwrap(), "");
}

#[test]
fn tcp_lets_in_whoever_knows_the_password_and_nobody_else() {
    let postgres = start(Options::temporary().tcp(Tcp::AnyPort));
    let tcp_url = postgres.tcp_url().unwrap();
    let password = tcp_url.split([':', '@']).nth(2).unwrap();
    assert_eq!(ask(tcp_url, "show listen_addresses").unwrap(), "127.0.0.1");
    let hash = "select rolpassword from pg_authid where rolname = 'postgres'";
    assert!(ask(tcp_url, hash).unwrap().starts_with("SCRAM-SHA-256$"));
    for wrong in ["", "postgres"] {
        let refused = ask(&tcp_url.replace(password, wrong), "select ''").unwrap_err();
        let code = refused.as_database_error().and_then(|error| error.code().map(String::from));
        assert_eq!(code.as_deref(), Some("28P01"), "{refused}");
    }
    assert_eq!(password.len(), 24);
    assert!(!format!("{postgres:?}").contains(password));
}

#[test]
fn every_server_has_a_password_of_its_own_and_keeps_it() {
    let directory = scratch();
    let url_after_start = || {
        let postgres = start(Options::at(directory.path()).tcp(Tcp::AnyPort));
        ask(postgres.tcp_url().unwrap(), "select ''").unwrap();
        postgres.tcp_url().unwrap().split('@').next().unwrap().to_owned()
    };
    assert_eq!(url_after_start(), url_after_start());
    let other = start(Options::temporary().tcp(Tcp::AnyPort));
    assert!(!other.tcp_url().unwrap().starts_with(&url_after_start()));
}

#[test]
fn settings_reach_the_server() {
    let postgres = start(Options::temporary().setting("synchronous_commit", "off"));
    assert_eq!(ask(postgres.url(), "show synchronous_commit").unwrap(), "off");
    assert_eq!(ask(postgres.url(), "show fsync").unwrap(), "off");
}

#[test]
fn a_path_unfit_for_a_socket_gets_its_socket_elsewhere() {
    let directory = scratch();
    let unfit = directory.path().join(format!("it's 100% \"deep\", {}", "and deeper ".repeat(10)));
    let postgres = start(Options::at(&unfit));
    assert_eq!(ask(postgres.url(), "select 'reached'").unwrap(), "reached");
    let socket = postgres.socket_dir().to_owned();
    assert!(!socket.starts_with(&unfit));
    postgres.stop(DEADLINE);
    assert!(!socket.exists());
    assert!(unfit.join("cluster").exists());
}

#[test]
fn strangers_cannot_enter_the_socket_directory() {
    let postgres = start(Options::temporary());
    let socket = fs::metadata(postgres.socket_dir()).unwrap();
    assert_eq!(socket.mode() & 0o777, 0o700);
    if we_are_root() {
        assert_ne!(socket.uid(), 0);
        let mut stranger = Command::new("ls");
        let looked = stranger.arg(postgres.socket_dir()).uid(54_321).gid(54_321).output().unwrap();
        assert!(!looked.status.success(), "{looked:?}");
    }
}
