//! The Python client and the three example services, against a server.

use std::path::Path;
use std::process::Command;

use crate::support::installation::Installation;
use crate::support::peer::interpreter;
use crate::support::process::Process;

#[tokio::test]
async fn the_python_client_and_its_example_services_work_against_a_server() {
    let installation = Installation::fresh().await;
    let server = installation.serve().await;
    let mut pytest = Command::new(interpreter());
    pytest
        .args(["-m", "pytest", "-m", "server", "-p", "no:cacheprovider"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/python"))
        .env("EVENTCENTER_URL", server.url(""))
        .env("EVENTCENTER_SERVICE_KEY", &installation.service_key)
        .env("EVENTCENTER_DATABASE_URL", installation.db.url())
        .env("EVENTCENTER_JWT_SECRET", &installation.jwt_secret)
        .env("NO_PROXY", "127.0.0.1");

    let pytest = Process::start(&mut pytest);

    let status = pytest.ended().await;
    let said = pytest.stdout().join("\n");
    assert!(status.success() && said.contains(" passed"), "{said}\n{}", pytest.stderr().join("\n"));
    installation.db.assert_books_balance().await;
}
