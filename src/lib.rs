//! The one binary of EventCenter: what it runs, and how it is run.
//!
//! `http` and `ws` do not import each other; both stand on `auth` and `problem`. Only `config` reads the environment.

pub mod answers;
pub mod auth;
pub mod bounces;
pub mod cli;
pub mod committer;
pub mod config;
pub mod dev;
pub mod http;
mod listen;
pub mod log;
pub mod metrics;
pub mod postgres;
pub mod problem;
pub mod serve;
pub mod ws;
