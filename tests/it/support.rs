//! What the specifications stand on.

pub(crate) mod bad_input;
pub(crate) mod command;
pub(crate) mod database;
pub(crate) mod deliver;
pub(crate) mod deliveries;
pub(crate) mod event_stream;
pub(crate) mod events;
pub(crate) mod eventually;
pub(crate) mod faulty_smtp;
pub(crate) mod http;
pub(crate) mod installation;
pub(crate) mod mail_server;
pub(crate) mod peer;
pub(crate) mod plans;
pub(crate) mod process;
pub(crate) mod push_service;
pub(crate) mod seed;
pub(crate) mod server;
pub(crate) mod severable;
pub(crate) mod socket;
pub(crate) mod sql;
pub(crate) mod ws_client;
