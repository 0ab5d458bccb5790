//! Why there was no answer, in words, and what to do about it.

use std::error::Error as StdError;
use std::io;

use aws_sdk_s3::error::ConnectorError;
use rustls::CertificateError;

use crate::cache::remote::s3_client::error::Target;
use crate::cache::remote::s3_client::trust;

/// The reason and what helps, from the innermost cause that tells something.
pub(super) fn reason(error: &(dyn StdError + 'static), target: &Target) -> (String, Option<String>) {
    let mut innermost = error;
    let mut tunnel = None;
    loop {
        if let Some(tls) = innermost.downcast_ref::<rustls::Error>() {
            return tls_reason(tls, target);
        }
        let text = innermost.to_string();
        if text.starts_with("tunnel error: ") {
            tunnel = Some(text);
        }
        // An io::Error can hide the TLS error that it carries from `source`.
        let carried = innermost.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        match carried.map(|inner| inner as &(dyn StdError + 'static)).or(innermost.source()) {
            Some(deeper) => innermost = deeper,
            None => break,
        }
    }
    let Some(proxy) = &target.proxy else {
        let reason = plain_reason(innermost);
        let hint = look_up_hint(&reason, target);
        return (reason, hint);
    };
    match tunnel.as_deref() {
        Some("tunnel error: proxy authorization required") => {
            let hint = "put the proxy's user name and password into the variable that names it";
            (format!("cannot be reached: {proxy} asks for a password"), Some(hint.to_owned()))
        }
        Some("tunnel error: unsuccessful") => {
            (format!("cannot be reached: {proxy} refuses the connection to it"), None)
        }
        _ => {
            let hint = "correct the variable, or let NO_PROXY list the endpoint";
            (format!("cannot be reached through {proxy}, which {}", plain_reason(innermost)), Some(hint.to_owned()))
        }
    }
}

/// Nothing listens, or the certificate is not trusted: what is spoken there is no question.
pub(super) fn is_refused(failure: &ConnectorError) -> bool {
    let mut cause: Option<&(dyn StdError + 'static)> = failure.source();
    while let Some(error) = cause {
        if matches!(error.downcast_ref(), Some(rustls::Error::InvalidCertificate(_))) {
            return true;
        }
        let io = error.downcast_ref::<io::Error>();
        if io.is_some_and(|io| io.kind() == io::ErrorKind::ConnectionRefused) {
            return true;
        }
        let carried = io.and_then(io::Error::get_ref).map(|inner| inner as &(dyn StdError + 'static));
        cause = carried.or(error.source());
    }
    false
}

fn plain_reason(innermost: &(dyn StdError + 'static)) -> String {
    match innermost.downcast_ref::<io::Error>().map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => "refused the connection".to_owned(),
        Some(io::ErrorKind::ConnectionReset) => "reset the connection".to_owned(),
        _ => format!("cannot be reached: {innermost}"),
    }
}

/// Names below that of a store exist only where it is set up for them.
fn look_up_hint(reason: &str, target: &Target) -> Option<String> {
    if !reason.contains("failed to lookup address") || !target.is_virtual() {
        return None;
    }
    Some(format!("{} has the bucket's name in front of the host: set S3_ADDRESSING=path", target.host))
}

fn tls_reason(error: &rustls::Error, target: &Target) -> (String, Option<String>) {
    let rustls::Error::InvalidCertificate(why) = error else {
        return (format!("failed in the TLS handshake: {error}"), None);
    };
    let why_not = match why {
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            "it is marked as that of an authority (CA:TRUE)".to_owned()
        }
        other => other.to_string(),
    };
    let reason = format!("shows a certificate that is not trusted here: {why_not}");
    (reason, Some(certificate_hint(why, target)))
}

fn certificate_hint(why: &CertificateError, target: &Target) -> String {
    let host = &target.host;
    if let Some(trouble) = trust::trouble() {
        return trouble;
    }
    match why {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            if let Some(doubt) = target.doubt {
                return doubt.to_owned();
            }
            if target.is_virtual() {
                return "the certificate does not fit the bucket's name in front of the host: set S3_ADDRESSING=path"
                    .to_owned();
            }
            format!("give the host as the certificate has it, or make one with {}", command(host))
        }
        CertificateError::Other(_) => format!("make one with {}", command(host)),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "renew the certificate".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "set the clock of this machine".to_owned()
        }
        _ => "let SSL_CERT_FILE name a PEM file with the certificate to trust".to_owned(),
    }
}

/// The command that makes a certificate which its own holder may show, and which SSL_CERT_FILE can name.
fn command(host: &str) -> String {
    let kind = if host.parse::<std::net::IpAddr>().is_ok() { "IP" } else { "DNS" };
    format!(
        "`openssl req -x509 -newkey rsa:2048 -nodes -days 365 -keyout key.pem -out cert.pem -subj /CN={host} -addext \
         subjectAltName={kind}:{host} -addext basicConstraints=critical,CA:FALSE`"
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cache::remote::s3_config::addressing::Addressing;
    use crate::cache::remote::s3_config::config::{Route, S3Config};

    fn target(endpoint: &str, bucket: &str, addressing: Addressing) -> Target {
        let config = S3Config {
            endpoint_url: endpoint.to_owned(),
            access_key_id: String::new(),
            secret_access_key: String::new(),
            session_token: None,
            bucket: bucket.to_owned(),
            region: "us-east-1".to_owned(),
            prefix: String::new(),
            route: Route { addressing, proxy: None },
        };
        Target::of(&config, Duration::ZERO)
    }

    fn hint(endpoint: &str, bucket: &str, addressing: Addressing, why: CertificateError) -> String {
        certificate_hint(&why, &target(endpoint, bucket, addressing))
    }

    #[test]
    fn a_name_that_is_not_found_may_be_the_buckets() {
        let hint = |bucket: &str, addressing| {
            let target = target("https://s3.example", bucket, addressing);
            look_up_hint("cannot be reached: failed to lookup address information: no such name", &target)
        };
        assert!(hint("cache", Addressing::Virtual).is_some_and(|hint| hint.contains("set S3_ADDRESSING=path")));
        assert_eq!(hint("cache", Addressing::Path), None);
        let refused = look_up_hint("refused the connection", &target("https://h", "cache", Addressing::Virtual));
        assert_eq!(refused, None);
    }

    #[test]
    fn a_certificate_for_another_name_has_causes_of_its_own() {
        let name = || CertificateError::NotValidForName;
        let dotted = hint("https://s3.example", "a.b", Addressing::Virtual, name());
        assert!(dotted.contains("S3_ADDRESSING=path"), "{dotted}");
        let twice = hint("https://cache.s3.amazonaws.com", "cache", Addressing::Auto, name());
        assert!(twice.contains("begins with the bucket's name"), "{twice}");
        let address = hint("https://10.1.2.3:9000", "cache", Addressing::Auto, name());
        assert!(address.contains("subjectAltName=IP:10.1.2.3 "), "{address}");
        let six = hint("https://[fd00::1]:9000", "cache", Addressing::Auto, name());
        assert!(six.contains("subjectAltName=IP:fd00::1 "), "{six}");
        assert!(hint("https://h", "c", Addressing::Auto, CertificateError::Expired).contains("renew"));
        assert!(hint("https://h", "c", Addressing::Auto, CertificateError::NotValidYet).contains("clock"));
    }
}
