//! The workers that bring planned deliveries to people.
//!
//! A channel turns a [`Message`] into a [`Report`] and knows nothing else: it never touches the store, decides no
//! retry, and counts no attempt. Adding one is a file here and a variant of [`Channel`].
#![forbid(unsafe_code)]

use eventcenter_core::delivery::{Channel, Message, Report};
use futures_util::future::BoxFuture;

mod backend;
mod claimer;
pub mod email;
mod findings;
mod handler;
pub mod keeper;
mod leases;
mod loader;
mod pace;
pub mod push;
mod settler;
pub mod worker;

/// A channel's way of sending. Runs for many messages at once, so it holds no lock across an await.
pub trait Deliver: Send + Sync + 'static {
    /// Which channel's deliveries it wants.
    fn channel(&self) -> Channel;

    /// Makes one try at every target of the message. Everything that can go wrong is an outcome: it neither fails
    /// nor panics, and ends within its own timeouts, which are shorter than a lease.
    fn deliver<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Report>;
}
