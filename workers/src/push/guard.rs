//! The last word on where a push may go. A name can be public when it is subscribed and point into our own network
//! when it is dialled (DNS rebinding), so addresses are checked where they are used: in the client's resolver.

use std::collections::HashMap;
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::net::lookup_host;

use super::endpoint::EndpointPolicy;

/// Hosts with an address of the operator's choosing, port included, as in `/etc/hosts`. What they may be is up to the
/// policy all the same.
pub type FixedHosts = HashMap<String, SocketAddr>;

/// Resolves like the system does and passes on only the addresses that the policy allows.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    pub(super) policy: EndpointPolicy,
    pub(super) fixed: Arc<FixedHosts>,
}

/// Every address of a host is one that must not be dialled.
#[derive(Debug, thiserror::Error)]
#[error("the host has no address that a push may be sent to")]
pub(super) struct NoAllowedAddress;

impl Guard {
    /// The addresses of a host that may be dialled, never none. A port of 0 stands for the URL's.
    pub(super) async fn addresses(&self, host: &str) -> Result<Vec<SocketAddr>, Box<dyn Error + Send + Sync>> {
        let found: Vec<SocketAddr> = match self.fixed.get(host) {
            Some(address) => vec![*address],
            None => lookup_host((host, 0)).await?.collect(),
        };
        let allowed: Vec<SocketAddr> =
            found.into_iter().filter(|address| self.policy.allows_address(address.ip())).collect();
        if allowed.is_empty() { Err(NoAllowedAddress.into()) } else { Ok(allowed) }
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let addresses: Addrs = Box::new(guard.addresses(name.as_str()).await?.into_iter());
            Ok(addresses)
        })
    }
}

/// Whether an address is globally reachable, by IANA's special-purpose registries. What is in doubt is not.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_shared = a == 100 && (64..128).contains(&b);
    let is_protocol_assignment = (a, b, c) == (192, 0, 0) || (a, b, c) == (192, 88, 99);
    let is_benchmarking = a == 198 && (b == 18 || b == 19);
    // 224/4 is multicast, 240/4 reserved and broadcast.
    let is_unicast = a != 0 && a < 224;
    is_unicast
        && !(address.is_private()
            || address.is_loopback()
            || address.is_link_local()
            || address.is_documentation()
            || is_shared
            || is_protocol_assignment
            || is_benchmarking)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        // NAT64 (RFC 6052): as public as the IPv4 address inside.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            is_public_v4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
        }
        // Protocol assignments with Teredo, documentation, and 6to4, which can hide an IPv4 address of any kind.
        [0x2001, second, ..] if second < 0x200 || second == 0xdb8 => false,
        [0x2002, ..] => false,
        [0x3fff, second, ..] if second < 0x1000 => false,
        // Global unicast. This leaves out loopback, mapped, link-local, unique local and multicast addresses.
        [first, ..] => (0x2000..0x4000).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn resolve(name: &str, policy: EndpointPolicy) -> Result<Vec<SocketAddr>, String> {
        let fixed = FixedHosts::from([("rebind.example.org".to_owned(), ([127, 0, 0, 1], 8443).into())]);
        let guard = Guard { policy, fixed: Arc::new(fixed) };
        guard.resolve(name.parse().unwrap()).await.map(Iterator::collect).map_err(|error| error.to_string())
    }

    #[test]
    fn public_addresses_pass() {
        for address in
            ["8.8.8.8", "100.63.0.1", "172.32.0.1", "192.0.1.1", "223.255.255.1", "2a00:1450::1", "64:ff9b::808:808"]
        {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn private_shared_local_and_mapped_addresses_do_not() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "64:ff9b::7f00:1",
            "64:ff9b::a00:1",
            "64:ff9b:1::a00:1",
            "fe80::1",
            "fec0::1",
            "fc00::1",
            "fd12:3456::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "3fff::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[tokio::test]
    async fn a_name_of_a_private_address_resolves_to_nothing() {
        for policy in [EndpointPolicy::KnownServices, EndpointPolicy::PublicHosts] {
            for name in ["localhost", "rebind.example.org"] {
                assert_eq!(resolve(name, policy).await, Err(NoAllowedAddress.to_string()), "{name}");
            }
        }
    }

    #[tokio::test]
    async fn loopback_resolves_where_the_policy_says_so() {
        let found = resolve("localhost", EndpointPolicy::Loopback).await.unwrap();

        assert!(found.iter().all(|address| address.ip().is_loopback()) && !found.is_empty());
        let fixed = resolve("rebind.example.org", EndpointPolicy::Loopback).await.unwrap();
        assert_eq!(fixed, [([127, 0, 0, 1], 8443).into()]);
    }
}
