//! Hosts that are reached without a proxy: this machine, and what `NO_PROXY` lists.

use std::net::IpAddr;

use ipnet::IpNet;

/// No proxy is used for this host and port. `list` is the value of `NO_PROXY`: `*`, addresses, networks and domains, separated
/// by commas or white space, all but networks with a port or without. `example.com` is the domain and all below it, `.example.com` and
/// `*.example.com` only those below it.
pub(super) fn excepts(host: &str, port: u16, list: &str) -> bool {
    let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
    let ip: Option<IpAddr> = host.parse().ok();
    if host == "localhost" || ip.is_some_and(|ip| ip.to_canonical().is_loopback()) {
        return true;
    }
    let entries = list.split(|at: char| at == ',' || at.is_whitespace()).map(str::to_ascii_lowercase);
    entries.filter(|entry| !entry.is_empty()).any(|entry| matches(&entry, &host, ip, port))
}

fn matches(entry: &str, host: &str, ip: Option<IpAddr>, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    if let Ok(network) = entry.parse::<IpNet>() {
        return ip.is_some_and(|ip| network.contains(&ip.to_canonical()));
    }
    let (name, only_port) = split_port(entry);
    if only_port.is_some_and(|only| only != port.to_string()) {
        return false;
    }
    if let Ok(address) = name.parse::<IpAddr>() {
        return ip.is_some_and(|ip| ip.to_canonical() == address.to_canonical());
    }
    let name = name.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(name);
    match name.strip_prefix('.') {
        Some(domain) => is_below(host, domain),
        None => host == name || is_below(host, name),
    }
}

/// `host:port`, `[address]:port`, or neither: an address of IPv6 has colons of its own.
fn split_port(entry: &str) -> (&str, Option<&str>) {
    if entry.parse::<IpAddr>().is_ok() {
        return (entry, None);
    }
    match entry.rsplit_once(':') {
        Some((name, "")) => (name, None),
        Some((name, port)) => (name.trim_matches(['[', ']']), Some(port)),
        None => (entry, None),
    }
}

fn is_below(host: &str, domain: &str) -> bool {
    let above = host.strip_suffix(domain).and_then(|rest| rest.strip_suffix('.'));
    !domain.is_empty() && above.is_some_and(|above| !above.is_empty())
}
