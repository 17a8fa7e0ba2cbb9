//! Random runs that can be run again.

use std::io::Write;

/// Names the seed of a run that failed.
#[derive(Debug)]
pub(crate) struct Seed(pub(crate) u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            writeln!(std::io::stderr(), "the run of seed {} failed: run it alone with run({})", self.0, self.0).ok();
        }
    }
}
