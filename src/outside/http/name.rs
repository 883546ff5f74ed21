//! Where a name or an address leads, and where nobody is asked.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Looks names up as the machine does, and leaves out addresses at which machines find out about themselves.
pub(super) struct Names;

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await.map_err(|_| Nowhere::Unknown)?;
            let kept: Vec<SocketAddr> = found.filter(|address| !is_link_local(address.ip())).collect();
            if kept.is_empty() { Err(Nowhere::LinkLocal.into()) } else { Ok(Box::new(kept.into_iter()) as Addrs) }
        })
    }
}

/// Why a name leads nowhere.
#[derive(Debug)]
pub(super) enum Nowhere {
    /// To link-local addresses alone.
    LinkLocal,
    /// Nobody knows it.
    Unknown,
}

impl fmt::Display for Nowhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nowhere")
    }
}

impl std::error::Error for Nowhere {}

/// The address in a URL, where it is written as one.
pub(super) fn literal(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_matches(['[', ']']).parse().ok()
}

/// This machine, by address or by its name of old (RFC 6761, 6.3).
pub(super) fn is_loopback(url: &Url) -> bool {
    literal(url).map_or_else(|| url.host_str() == Some("localhost"), |address| address.to_canonical().is_loopback())
}

/// Where metadata services of clouds answer (RFC 3927, RFC 4291 2.5.6, AWS's fd00:ec2::254), and the address of nobody.
pub(super) fn is_link_local(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_link_local() || v4 == Ipv4Addr::UNSPECIFIED,
        IpAddr::V6(v6) => {
            v6.is_unicast_link_local() || v6 == Ipv6Addr::UNSPECIFIED || matches!(v6.segments(), [0xfd00, 0xec2, ..])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_machines_find_out_about_themselves_nobody_is_asked_n3() {
        for address in
            ["169.254.169.254", "169.254.170.2", "::ffff:169.254.169.254", "fe80::1", "fd00:ec2::254", "0.0.0.0", "::"]
        {
            assert!(is_link_local(address.parse().unwrap()), "{address}");
        }
        for address in ["127.0.0.1", "10.0.0.1", "fd00::1", "2001:db8::1"] {
            assert!(!is_link_local(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn this_machine_is_known_in_every_spelling() {
        for url in
            ["http://127.0.0.1:1", "http://localhost", "http://[::1]:8200", "http://127.1", "http://[::ffff:127.0.0.1]"]
        {
            assert!(is_loopback(&url.parse().unwrap()), "{url}");
        }
        for url in ["http://localhost.example", "http://10.0.0.1", "http://127.0.0.1.example"] {
            assert!(!is_loopback(&url.parse().unwrap()), "{url}");
        }
    }
}
