//! What the specifications stand on.

pub(crate) mod bad_input;
pub(crate) mod database;
pub(crate) mod deliver;
pub(crate) mod deliveries;
pub(crate) mod events;
pub(crate) mod eventually;
pub(crate) mod plans;
pub(crate) mod sql;
