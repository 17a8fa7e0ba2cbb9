//! The books balance after anything: random runs of everything that happens to deliveries, against a simple model.

use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::support::database::Database;
use crate::support::seed::Seed;

mod model;
mod run;

use run::Run;

/// What a run does, one after the other.
const STEPS: usize = 80;

async fn run(seed: u64) {
    let _seed = Seed(seed);
    let mut run = Run::new(Database::fresh().await, StdRng::seed_from_u64(seed)).await;
    for _ in 0..STEPS {
        run.step().await;
        run.check().await;
    }
}

#[tokio::test]
async fn the_books_balance_after_every_step_of_a_random_run() {
    for seed in 0..5 {
        run(seed).await;
    }
}

#[tokio::test]
#[ignore = "takes minutes: make soak"]
async fn soak_the_books_balance_after_every_step_of_many_random_runs() {
    for seed in 1000..1400 {
        run(seed).await;
    }
}
