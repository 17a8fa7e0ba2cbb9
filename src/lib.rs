//! The one binary: what it runs, and how it is run.

pub mod postgres;
