//! The promises of EventCenter, each as a test that can fail, against a real Postgres.
//!
//! One binary, so that all specifications share one server; each test has a database of its own.

mod architecture;
mod audit;
mod claims;
mod idempotency;
mod keeper;
mod partitions;
mod permissions;
mod planner;
mod planning;
mod streams;
mod support;
mod workers;
