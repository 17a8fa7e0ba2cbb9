//! Where a browser asks to be reached. Whoever subscribes chooses the URL that our server will POST to, so it is
//! checked as an attacker's: at subscribe, again before every send, and its addresses at connect time by
//! [`super::guard`].

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

use super::guard;

/// Longest endpoint, in bytes. A longer one is refused, here and by the database.
pub const ENDPOINT_MAX: usize = 2048;

/// The hosts of the browsers' own push services. A leading dot stands for any subdomain.
const KNOWN_SERVICES: [(&str, PushService); 6] = [
    ("fcm.googleapis.com", PushService::Google),
    ("android.googleapis.com", PushService::Google),
    // Chromium builds without Google's keys, Debian's among them.
    ("jmt17.google.com", PushService::Google),
    (".push.services.mozilla.com", PushService::Mozilla),
    (".push.apple.com", PushService::Apple),
    (".notify.windows.com", PushService::Microsoft),
];

/// Which endpoints are accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EndpointPolicy {
    /// The push services of Chrome, Firefox, Safari and Edge.
    #[default]
    KnownServices,
    /// Any host name with public addresses, for browsers and apps with a push service of their own.
    PublicHosts,
    /// The known ones, and this machine on any port: for `dev` and tests, never for production.
    Loopback,
}

impl EndpointPolicy {
    /// Whether a connection to this address may be made.
    pub(super) fn allows_address(self, address: IpAddr) -> bool {
        match self {
            Self::KnownServices | Self::PublicHosts => guard::is_public(address),
            Self::Loopback => guard::is_public(address) || address.is_loopback(),
        }
    }
}

/// Whose rules an endpoint follows where they differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PushService {
    Google,
    Mozilla,
    Apple,
    Microsoft,
    Other,
}

impl PushService {
    /// As metrics call it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Google => "google",
            Self::Mozilla => "mozilla",
            Self::Apple => "apple",
            Self::Microsoft => "microsoft",
            Self::Other => "other",
        }
    }

    fn of(host: &str) -> Self {
        KNOWN_SERVICES
            .into_iter()
            .find(|(name, _)| if name.starts_with('.') { host.ends_with(name) } else { host == *name })
            .map_or(Self::Other, |(_, service)| service)
    }
}

/// What is wrong with an endpoint.
#[derive(Debug, thiserror::Error)]
pub enum InvalidEndpoint {
    /// More than [`ENDPOINT_MAX`] bytes.
    #[error("must be at most {ENDPOINT_MAX} bytes")]
    TooLong,
    /// Relative, or no URL at all.
    #[error("must be an absolute URL")]
    NotAUrl(#[from] url::ParseError),
    /// Any scheme but https.
    #[error("must be https")]
    NotHttps,
    /// `user:password@`.
    #[error("must not contain a user name or password")]
    UserInfo,
    /// Any port but 443.
    #[error("must not name a port")]
    Port,
    /// An IP address in any notation.
    #[error("must name a host, not an IP address")]
    IpAddress,
    /// The policy is [`EndpointPolicy::KnownServices`] and this host is none of them.
    #[error("is not of a known push service; an operator can allow others")]
    UnknownService,
    /// A name without a dot inside: of a local network at best.
    #[error("must name a public host")]
    LocalName,
}

/// An endpoint that the policy lets us dial. A capability URL: whoever has it can send, so `Debug` shows its origin
/// only.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    url: Url,
    service: PushService,
}

impl Endpoint {
    /// Reads and checks an endpoint; fetches and resolves nothing.
    pub fn parse(text: &str, policy: EndpointPolicy) -> Result<Self, InvalidEndpoint> {
        if text.len() > ENDPOINT_MAX {
            return Err(InvalidEndpoint::TooLong);
        }
        let mut url = Url::parse(text)?;
        if url.scheme() != "https" {
            return Err(InvalidEndpoint::NotHttps);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidEndpoint::UserInfo);
        }
        let service = check_host(&url, policy)?;
        // It is never sent, and would make one endpoint look like two.
        url.set_fragment(None);
        // Normalising may have escaped characters.
        if url.as_str().len() > ENDPOINT_MAX {
            return Err(InvalidEndpoint::TooLong);
        }
        Ok(Self { url, service })
    }

    /// The URL in normal form: the one spelling under which it is stored.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// Scheme, host, and the port unless it is 443: the `aud` of RFC 8292 §2.
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    pub(super) const fn url(&self) -> &Url {
        &self.url
    }

    pub(super) const fn service(&self) -> PushService {
        self.service
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({}/…)", self.origin())
    }
}

fn check_host(url: &Url, policy: EndpointPolicy) -> Result<PushService, InvalidEndpoint> {
    let host = url.host().ok_or(url::ParseError::EmptyHost)?;
    if policy == EndpointPolicy::Loopback && is_loopback(&host) {
        return Ok(PushService::Other);
    }
    let Host::Domain(name) = host else {
        return Err(InvalidEndpoint::IpAddress);
    };
    if url.port().is_some() {
        return Err(InvalidEndpoint::Port);
    }
    let service = PushService::of(name);
    match policy {
        EndpointPolicy::KnownServices | EndpointPolicy::Loopback if service == PushService::Other => {
            Err(InvalidEndpoint::UnknownService)
        }
        EndpointPolicy::PublicHosts if !name.trim_end_matches('.').contains('.') => Err(InvalidEndpoint::LocalName),
        EndpointPolicy::KnownServices | EndpointPolicy::PublicHosts | EndpointPolicy::Loopback => Ok(service),
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

#[cfg(test)]
mod tests;
