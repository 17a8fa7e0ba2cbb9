//! The promises of `EventCenter`, each as a test that can fail, against a real Postgres.
//!
//! One binary, so that all specifications share one server; each test has a database of its own.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a panic is how a test says no")]

mod actions;
mod api;
mod architecture;
mod audit;
mod bad_input;
mod bounces;
mod claims;
mod cli;
mod crashes;
mod development;
mod diagnostics;
mod digests;
mod end_to_end;
mod idempotency;
mod inbox;
mod keeper;
mod lateness;
mod loading;
mod mail;
mod mail_faults;
mod manners;
mod operations;
mod outage;
mod partitions;
mod permissions;
mod planner;
mod planning;
mod preferences;
mod presence;
mod protocol;
mod push_acks;
mod push_answers;
mod push_bad_input;
mod push_crowd;
mod push_decryptors;
mod push_devices;
mod push_pauses;
mod python_client;
mod quiet_hours;
mod randomised;
mod readme;
mod recipients;
mod redrives;
mod resume;
mod revocation;
mod session_limit;
mod shutdown;
mod sse;
mod streams;
mod support;
mod suppressions;
mod suspects;
mod tickets;
mod unsubscribe;
mod workers;
