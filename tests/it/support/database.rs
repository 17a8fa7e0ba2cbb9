//! One private Postgres for the whole test process, and a database of its own for each test.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use eventcenter::postgres::{Options, Postgres};
use eventcenter_core::store::Store;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool};

/// Connections of a store, as of one process in production.
const STORE_CONNECTIONS: u32 = 10;
/// What the test itself asks with, besides.
const ASKING_CONNECTIONS: u32 = 20;

/// A migrated database that goes when the test ends.
#[derive(Debug)]
pub(crate) struct Database {
    name: String,
    url: String,
    store: Store,
    pool: PgPool,
}

impl Database {
    /// A copy of the migrated template.
    pub(crate) async fn fresh() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let server = tokio::task::spawn_blocking(Server::get).await.unwrap();
        server.command(format!("create database {name} template migrated")).await;
        let url = server.url(&name);
        let options: PgConnectOptions = url.parse().unwrap();
        Self {
            store: Store::connect(&url, STORE_CONNECTIONS).unwrap(),
            // Named apart from the store's connections, so that a test may kill those. As in those, no JIT: it takes
            // longer than any statement here.
            pool: PgPoolOptions::new()
                .max_connections(ASKING_CONNECTIONS)
                .connect_lazy_with(options.application_name("test").options([("jit", "off")])),
            name,
            url,
        }
    }

    /// The store that is tested.
    pub(crate) const fn store(&self) -> &Store {
        &self.store
    }

    /// As the superuser.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// For looking past the store, and for what a service does by SQL. As the superuser.
    pub(crate) const fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// A session of its own, for a service that may do nothing but emit.
    pub(crate) async fn connect_as_emitter(&self) -> PgConnection {
        let mut connection = PgConnection::connect(&self.url).await.unwrap();
        connection.execute("set session authorization eventcenter_emitter").await.unwrap();
        connection
    }

    /// The number that a statement answers.
    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap()
    }

    /// Planned = waiting + leased + settled, for every delivery there is.
    pub(crate) async fn assert_books_balance(&self) {
        for row in self.store.audit(None).await.unwrap() {
            assert_eq!(row.astray, 0, "{row:?}");
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let drop = format!("drop database {} with (force)", self.name);
        // On a thread of its own, since the test's runtime is busy with this very test.
        std::thread::spawn(move || block_on(Server::get().command(drop))).join().ok();
    }
}

#[derive(Debug)]
struct Server {
    postgres: Postgres,
}

impl Server {
    /// Starts it for whoever comes first. It ends with this process, whichever way that ends: a server hangs on the
    /// process that started it.
    fn get() -> &'static Self {
        static SERVER: OnceLock<Server> = OnceLock::new();
        SERVER.get_or_init(|| {
            let options = Options::temporary()
                .setting("fsync", "off")
                .setting("full_page_writes", "off")
                .setting("max_connections", 300)
                // A snapshot that a test holds is about its own database only.
                .setting("autovacuum_naptime", "10s");
            let postgres = Postgres::start(&options).unwrap();
            tidy_up_after(&postgres);
            let server = Self { postgres };
            block_on(server.create_template());
            server
        })
    }

    async fn create_template(&self) {
        self.command("create database migrated".to_owned()).await;
        let store = Store::connect(&self.url("migrated"), 1).unwrap();
        store.migrate().await.unwrap();
        // A database can be copied only while nobody is connected to it.
        store.close().await;
    }

    fn url(&self, database: &str) -> String {
        self.postgres.url().replace("/postgres?", &format!("/{database}?"))
    }

    async fn command(&self, sql: String) {
        let mut connection = PgConnection::connect(self.postgres.url()).await.unwrap();
        connection.execute(AssertSqlSafe(sql)).await.unwrap();
        connection.close().await.unwrap();
    }
}

/// Statics are never dropped, so the server's directory would stay. A child that reads from us learns of our end, even
/// of a SIGKILL, waits for the server's, and removes the directory.
fn tidy_up_after(postgres: &Postgres) {
    const TIDY_UP: &str = r#"read -r _; while [ -e "$0/run/.s.PGSQL.5432" ]; do sleep 0.1; done; rm -rf "$0""#;
    let directory = postgres.socket_dir().parent().unwrap_or_else(|| Path::new("/nonexistent"));
    let child = Command::new("sh")
        .args(["-c", TIDY_UP])
        .arg(directory)
        .current_dir("/")
        // What ends our whole group, as Ctrl-C does, must not end it first.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Its end of the pipe closes with this process and not before.
    std::mem::forget(child);
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
