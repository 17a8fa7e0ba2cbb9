//! EventCenter: the one binary's parts.
//!
//! `http` and `ws` do not import each other; both stand on `auth`. Only `config` reads the environment.

pub mod postgres;
