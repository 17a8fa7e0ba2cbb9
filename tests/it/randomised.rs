//! Nothing missed, nothing twice: random runs of everything that happens to sessions, on two nodes.
//!
//! Clients of both transports follow their people's streams and lose their connections at random, while nodes are killed
//! and stopped, LISTEN connections are cut, and events come by HTTP and in overlapping transactions of which some are
//! rolled back. In the end every client has 1…n, in order, and what was committed is what it has.

use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::support::installation::Installation;
use crate::support::seed::Seed;

mod client;
mod world;

use world::World;

async fn run(seed: u64) {
    let _seed = Seed(seed);
    let installation = Installation::fresh().await;
    let mut world = World::begin(&installation, StdRng::seed_from_u64(seed)).await;
    for _ in 0..world::STEPS {
        world.step().await;
    }
    world.end().await;
}

#[tokio::test]
async fn every_client_ends_with_its_whole_stream_in_order_whatever_happens() {
    for seed in 0..3 {
        run(seed).await;
    }
}

#[tokio::test]
#[ignore = "takes minutes: make soak"]
async fn soak_every_client_ends_with_its_whole_stream_in_order_whatever_happens() {
    for seed in 1000..1300 {
        run(seed).await;
    }
}
