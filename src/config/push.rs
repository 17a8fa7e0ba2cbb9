//! What there is to say about Web Push.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Secret;
use super::parse;

/// Web Push.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Web Push")]
pub struct Push {
    /// Private VAPID keys as `eventcenter vapid generate` prints them, comma-separated.
    ///
    /// The first is for new subscriptions, the others serve those that were made with them.
    #[arg(
        long = "vapid-key",
        env = "EVENTCENTER_VAPID_KEYS",
        value_name = "KEY",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub vapid_keys: Vec<Secret>,

    /// Whom a push service can write to about our pushes: mailto:ops@example.org or an https URL (RFC 8292 §2.1).
    #[arg(long, env = "EVENTCENTER_VAPID_SUBJECT", value_name = "CONTACT")]
    pub vapid_subject: Option<String>,

    /// Which endpoints browsers may name. Others are refused at subscribe, and never dialled.
    #[arg(
        long,
        env = "EVENTCENTER_PUSH_ENDPOINTS",
        value_name = "POLICY",
        value_enum,
        default_value_t = PushEndpoints::Known
    )]
    pub push_endpoints: PushEndpoints,

    /// Where hosts of push services are, comma-separated: `push.example.org=192.0.2.7:443`. Default: as the system says.
    ///
    /// The address must be one that `--push-endpoints` allows. For tests, in which a stock browser's push service is here.
    #[arg(
        long = "push-host",
        env = "EVENTCENTER_PUSH_HOSTS",
        value_name = "HOST=ADDR",
        value_delimiter = ',',
        value_parser = parse::host_address,
    )]
    pub push_hosts: Vec<(String, SocketAddr)>,

    /// A PEM file of further certificate authorities for push services. Default: the system's alone.
    #[arg(long, env = "EVENTCENTER_PUSH_CA", value_name = "FILE")]
    pub push_ca: Option<PathBuf>,
}

/// Which push endpoints are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PushEndpoints {
    /// The push services of Chrome, Firefox, Safari and Edge.
    Known,
    /// Any public host, for browsers with a push service of their own.
    Public,
    /// The known ones and this machine: for development only.
    Loopback,
}
