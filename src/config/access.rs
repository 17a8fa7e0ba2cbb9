//! Which people are let in.

use std::time::Duration;

use clap::Args;

use super::{Secret, parse};

/// Which people are let in. Services have keys, which the database holds: `eventcenter key`.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Access")]
pub struct Jwt {
    /// Signs user tokens (HS256), shared with the host application: at least 32 random bytes.
    #[arg(long = "jwt-secret", env = "EVENTCENTER_JWT_SECRET", value_name = "SECRET", hide_env_values = true)]
    pub secret: Option<Secret>,
}

/// Which user tokens count, besides that they are signed and have not expired.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Access")]
pub struct TokenRules {
    /// How long a user token may live, from its iat (else from now) to its exp: 1m to 30d. Others are refused.
    #[arg(
        long = "jwt-max-life",
        env = "EVENTCENTER_JWT_MAX_LIFE",
        value_name = "TIME",
        default_value = "24h",
        value_parser = parse::token_life,
    )]
    pub max_life: Duration,
}
