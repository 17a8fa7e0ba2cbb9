//! The one Postgres that everything is measured on.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use eventcenter::postgres::{Options, Postgres};
use eventcenter_core::store::Store;
use sqlx::{Connection, PgConnection};

use crate::Result;
use crate::processes::cpu_seconds;

/// Connections of a store: more than the committer, a worker and the keeper use together.
const CONNECTIONS: u32 = 8;
/// How long a server may take to write its last checkpoint.
const GRACE: Duration = Duration::from_secs(30);

/// A private server with defaults, but for its size. Ends with us.
pub(crate) struct Server {
    postgres: Postgres,
}

impl Server {
    pub(crate) async fn start() -> Result<Self> {
        let options = Options::temporary().setting("shared_buffers", "256MB").setting("max_connections", 200);
        let postgres = tokio::task::spawn_blocking(move || Postgres::start(&options)).await??;
        Ok(Self { postgres })
    }

    pub(crate) fn version(&self) -> &str {
        self.postgres.version()
    }

    /// A new, empty database; one of that name is replaced.
    pub(crate) async fn database(&self, name: &str) -> Result<String> {
        let mut connection = PgConnection::connect(self.postgres.url()).await?;
        for statement in [format!("drop database if exists {name} with (force)"), format!("create database {name}")] {
            sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await?;
        }
        connection.close().await?;
        Ok(self.postgres.url().replace("/postgres?", &format!("/{name}?")))
    }

    /// A new database with our schema.
    pub(crate) async fn migrated(&self, name: &str) -> Result<(String, Store)> {
        let url = self.database(name).await?;
        let store = Store::connect(&url, CONNECTIONS)?;
        store.migrate().await?;
        Ok((url, store))
    }

    /// Writes everything out, so that no contender pays for what another left behind.
    pub(crate) async fn checkpoint(&self) -> Result<()> {
        let mut connection = PgConnection::connect(self.postgres.url()).await?;
        sqlx::raw_sql("checkpoint").execute(&mut connection).await?;
        Ok(connection.close().await?)
    }

    /// CPU time so far of all its processes, in seconds.
    pub(crate) async fn cpu_seconds(&self) -> Result<f64> {
        let mut connection = PgConnection::connect(self.postgres.url()).await?;
        let data: String = sqlx::query_scalar("show data_directory").fetch_one(&mut connection).await?;
        connection.close().await?;
        let id = std::fs::read_to_string(Path::new(&data).join("postmaster.pid"))?;
        cpu_seconds(id.lines().next().unwrap_or_default().parse()?)
    }

    pub(crate) async fn stop(self) -> Result<()> {
        Ok(tokio::task::spawn_blocking(|| self.postgres.stop(GRACE)).await?)
    }
}

/// How many writes of a page reach this disk in a second, one after the other: what a commit costs, decides much.
pub(crate) fn fsyncs_a_second(during: Duration) -> Result<f64> {
    let path = std::env::temp_dir().join(format!("eventcenter-fsync-{}", std::process::id()));
    let mut file = File::create_new(&path)?;
    std::fs::remove_file(&path)?;
    let began = Instant::now();
    let mut count = 0_u32;
    while began.elapsed() < during {
        file.write_all(&[0; 8192])?;
        file.sync_data()?;
        count += 1;
    }
    Ok(f64::from(count) / began.elapsed().as_secs_f64())
}
