//! A certificate made on the spot, for `https://127.0.0.1`, `https://localhost` and `https://BUCKET.localhost`.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::crypto::ring::{default_provider, sign};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, SigningKey};
use tempfile::TempDir;

use crate::s3_server::access::hosts::bucket_in;

/// Host names that every certificate is valid for.
const ALWAYS: [&str; 3] = ["127.0.0.1", "::1", "localhost"];

/// TLS settings of the server, and the authority that clients have to trust.
pub struct Certificate {
    pub server: Arc<ServerConfig>,
    authority_pem: String,
}

impl Certificate {
    /// An authority of one use and certificates that it signs: some clients refuse a certificate that signs itself. The keys
    /// are never written anywhere. Each bucket's host gets a certificate when the first client names it, because many clients
    /// refuse a wildcard directly below `localhost`.
    ///
    /// # Errors
    /// When the system has no random numbers to give.
    pub fn make() -> anyhow::Result<Self> {
        let authority_key = KeyPair::generate()?;
        let mut authority = CertificateParams::new(Vec::new())?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let name = "throw-away authority of the S3 server of bench";
        authority.distinguished_name.push(DnType::CommonName, name);
        let authority_pem = authority.self_signed(&authority_key)?.pem();

        let key = KeyPair::generate()?;
        let der = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
        let signing_key = sign::any_ecdsa_type(&der)?;
        let authority = Issuer::new(authority, authority_key);
        let hosts = CertificateOfHost { authority, key, signing_key, made: Mutex::default() };
        // So that an error is found here and not in a handshake.
        hosts.make(ALWAYS[2])?;
        let server = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(hosts));
        Ok(Certificate { server: Arc::new(server), authority_pem })
    }

    /// The authority's certificate, as the file that `SSL_CERT_FILE` names has to hold it.
    pub fn pem(&self) -> &str {
        &self.authority_pem
    }

    /// Writes [`Certificate::pem`] into a temporary folder.
    ///
    /// # Errors
    /// When that cannot be written.
    pub fn save(&self) -> anyhow::Result<CertificateFile> {
        let folder = tempfile::Builder::new().prefix("bench-s3-").tempdir();
        let folder = folder.context("cannot make a temporary folder for the certificate")?;
        let file = CertificateFile { folder };
        std::fs::write(file.path(), self.pem()).with_context(|| format!("cannot write {}", file.path().display()))?;
        Ok(file)
    }
}

/// The file that makes clients trust a [`Certificate`]. Dropping it removes the file.
pub struct CertificateFile {
    folder: TempDir,
}

impl CertificateFile {
    /// The PEM file for `SSL_CERT_FILE`.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }
}

/// Makes the certificate of each host when it is needed.
struct CertificateOfHost {
    authority: Issuer<'static, KeyPair>,
    key: KeyPair,
    signing_key: Arc<dyn SigningKey>,
    made: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

impl CertificateOfHost {
    fn make(&self, host: &str) -> anyhow::Result<Arc<CertifiedKey>> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(certificate) = made.get(host) {
            return Ok(Arc::clone(certificate));
        }
        let mut names = ALWAYS.map(str::to_owned).to_vec();
        if !ALWAYS.contains(&host) {
            names.push(host.to_owned());
        }
        let mut leaf = CertificateParams::new(names)?;
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let leaf = leaf.signed_by(&self.key, &self.authority)?;
        let certificate = Arc::new(CertifiedKey::new(vec![leaf.der().clone()], Arc::clone(&self.signing_key)));
        made.insert(host.to_owned(), Arc::clone(&certificate));
        Ok(certificate)
    }
}

impl ResolvesServerCert for CertificateOfHost {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let host = hello.server_name().filter(|host| bucket_in(host).is_some());
        self.make(&host.unwrap_or(ALWAYS[2]).to_ascii_lowercase()).ok()
    }
}

impl fmt::Debug for CertificateOfHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateOfHost").finish_non_exhaustive()
    }
}
