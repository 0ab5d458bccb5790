//! The certificates that are trusted: the system's, or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`.

use std::path::{Path, PathBuf};
use std::{env, fs};

use aws_smithy_http_client::tls::TrustStore;
use base64_simd::STANDARD;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls_native_certs::{CertificateResult, load_certs_from_paths, load_native_certs};

/// The certificates to trust.
///
/// Loaded here because the SDK's own loader panics when it finds none that is valid. With an empty
/// store the handshake fails instead, and the error says where to look.
pub(super) fn store() -> TrustStore {
    let mut roots = RootCertStore::empty();
    let usable = |cert: &CertificateDer<'static>| roots.add(cert.clone()).is_ok();
    let usable: Vec<_> = certificates().certs.into_iter().filter(usable).collect();
    let pem = usable.iter().map(|cert| {
        let body = STANDARD.encode_to_string(cert);
        format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
    });
    TrustStore::empty().with_pem_certificate(pem.collect::<String>())
}

/// A variable that is set to nothing is unset, which the loader does not know.
#[cfg(target_os = "linux")]
fn certificates() -> CertificateResult {
    if env::var_os("SSL_CERT_FILE").is_some_and(|file| file.is_empty()) && named("SSL_CERT_DIR").is_none() {
        let probed = openssl_probe::probe();
        return load_certs_from_paths(probed.cert_file.as_deref(), probed.cert_dir.first().map(PathBuf::as_path));
    }
    load_native_certs()
}

#[cfg(not(target_os = "linux"))]
fn certificates() -> CertificateResult {
    load_native_certs()
}

/// The trouble with the files that `SSL_CERT_FILE` and `SSL_CERT_DIR` name, if there is any.
pub(super) fn trouble() -> Option<String> {
    if let Some(file) = named("SSL_CERT_FILE") {
        return trouble_of_file(&file);
    }
    let folders = named("SSL_CERT_DIR")?;
    let troubles: Vec<String> = env::split_paths(&folders).filter_map(|folder| trouble_of_folder(&folder)).collect();
    // One of several folders may be missing.
    if troubles.len() == env::split_paths(&folders).count() { troubles.into_iter().next() } else { None }
}

fn named(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn trouble_of_file(file: &Path) -> Option<String> {
    let shown = file.display();
    if let Err(error) = fs::read(file) {
        return Some(format!("SSL_CERT_FILE names {shown}, which cannot be read: {error}"));
    }
    if load_certs_from_paths(Some(file), None).certs.is_empty() {
        return Some(format!("SSL_CERT_FILE names {shown}, which contains no certificate in PEM form"));
    }
    None
}

fn trouble_of_folder(folder: &Path) -> Option<String> {
    let shown = folder.display();
    if let Err(error) = fs::read_dir(folder) {
        return Some(format!("SSL_CERT_DIR names {shown}, which cannot be read: {error}"));
    }
    if load_certs_from_paths(None, Some(folder)).certs.is_empty() {
        return Some(format!("SSL_CERT_DIR names {shown}, which contains no file with a certificate in PEM form"));
    }
    None
}
