//! What an event and a delivery are, and the store that keeps them.
//!
//! `event`, `delivery` and `retry` know nothing of SQL, HTTP or await. `store` is the only place that speaks SQL; the
//! rules that must hold for every writer live in the database itself, under `migrations/`.
//!
//! # Invariants
//! - An event exists if and only if its deliveries were planned: one trigger plans, for HTTP and SQL alike.
//! - A delivery is in exactly one place: waiting, leased or settled. [`store::Store::audit`] counts.
//! - Every settle names the lease it settles; what the lease no longer holds is stale and changes nothing.
//! - The database's clock decides what is due, late or expired. A process clock only measures.
#![forbid(unsafe_code)]

pub mod delivery;
pub mod event;
pub mod id;
pub mod metrics;
pub mod retry;
pub mod store;
pub mod tasks;
