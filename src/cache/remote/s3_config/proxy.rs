//! The proxy in front of a URL, by the rule of Go (golang.org/x/net/http/httpproxy), with `ALL_PROXY` as fallback.

use std::fmt;

use http::Uri;

use crate::cache::remote::s3_config::endpoint::has_usable_port;
use crate::cache::remote::s3_config::error::S3ConfigError;
use crate::cache::remote::s3_config::no_proxy;
use crate::cache::remote::s3_config::variables::Variables;
use crate::note;

/// The variables for all schemes, which Go does not know. Desktops set them to proxies of other protocols.
const OF_ALL: [&str; 2] = ["ALL_PROXY", "all_proxy"];

/// An http or https proxy. Its user name and password are not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    /// With user name and password, as the variable has it.
    url: Uri,
    /// The variable that names it.
    variable: &'static str,
}

impl Proxy {
    /// The URL, with user name and password.
    pub fn url(&self) -> &Uri {
        &self.url
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = self.url.authority().map_or("", |authority| authority.as_str());
        let host = authority.rsplit('@').next().unwrap_or_default();
        write!(f, "the proxy {}://{host} of {}", self.url.scheme_str().unwrap_or("http"), self.variable)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

/// The proxy for connections to a URL; none where the variables name none, or except it.
pub(super) fn for_url(url: &str, variables: &Variables<'_>) -> Result<Option<Proxy>, S3ConfigError> {
    let Ok(uri) = url.parse::<Uri>() else { return Ok(None) };
    let is_https = uri.scheme_str() == Some("https");
    let Some((variable, value)) = named(is_https, variables)? else { return Ok(None) };
    let port = uri.port_u16().unwrap_or(if is_https { 443 } else { 80 });
    let exceptions = match variables.list("NO_PROXY")? {
        Some(list) => list,
        None => variables.list("no_proxy")?.unwrap_or_default(),
    };
    if no_proxy::excepts(uri.host().unwrap_or_default(), port, &exceptions) {
        return Ok(None);
    }
    match parse(&value) {
        Ok(url) => Ok(Some(Proxy { url, variable })),
        Err(reason) if OF_ALL.contains(&variable) => {
            pass_over(variable, reason);
            Ok(None)
        }
        Err(reason) => Err(S3ConfigError::Unusable { name: variable, reason }),
    }
}

/// The variable that counts for a scheme, and its value.
fn named(is_https: bool, variables: &Variables<'_>) -> Result<Option<(&'static str, String)>, S3ConfigError> {
    let of_scheme = if is_https {
        first(&["HTTPS_PROXY", "https_proxy"], variables)?
    } else if variables.text("REQUEST_METHOD")?.is_some() {
        // In a CGI program HTTP_PROXY is what the client sent in a header `Proxy`.
        None
    } else {
        first(&["HTTP_PROXY", "http_proxy"], variables)?
    };
    match of_scheme {
        Some(found) => Ok(Some(found)),
        None => Ok(first(&OF_ALL, variables).unwrap_or_else(|error| {
            if let S3ConfigError::Unusable { name, reason } = error {
                pass_over(name, reason);
            }
            None
        })),
    }
}

/// Go does not read this variable at all, so that what it names is not the only way out.
fn pass_over(variable: &str, reason: &str) {
    note::note(format_args!("{variable} is not used for the remote, as it {reason}"));
}

fn first(names: &[&'static str], variables: &Variables<'_>) -> Result<Option<(&'static str, String)>, S3ConfigError> {
    for name in names {
        if let Some(value) = variables.text(name)? {
            return Ok(Some((name, value)));
        }
    }
    Ok(None)
}

/// A proxy without a scheme speaks http.
fn parse(value: &str) -> Result<Uri, &'static str> {
    let url = if value.contains("://") { value.to_owned() } else { format!("http://{value}") };
    let uri: Uri = url.parse().map_err(|_| "is not the URL of a proxy, as in http://host:port")?;
    if uri.host().is_none_or(str::is_empty) {
        return Err("names no host, as in http://host:port");
    }
    if uri.authority().is_some_and(|authority| !has_usable_port(authority)) {
        return Err("names a port that is not a number from 1 to 65535");
    }
    match uri.scheme_str() {
        Some("http" | "https") => Ok(uri),
        Some(scheme) if scheme.starts_with("socks") => {
            Err("names a SOCKS proxy, which is not supported: name an HTTP proxy, or list the endpoint in NO_PROXY")
        }
        _ => Err(
            "names a proxy that speaks neither http nor https: list the endpoint in NO_PROXY to connect without one",
        ),
    }
}
