//! A certificate made on the spot, for `https://127.0.0.1` and `https://BUCKET.localhost`.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::PrivateKeyDer;
use tempfile::TempDir;

/// TLS settings of the server, and the file that makes clients trust it. Dropping it removes the file.
pub struct Certificate {
    pub server: Arc<ServerConfig>,
    folder: TempDir,
}

impl Certificate {
    /// An authority of one use and a certificate that it signs: some clients refuse a certificate
    /// that signs itself. The keys are never written anywhere.
    ///
    /// # Errors
    /// When the temporary folder cannot be written.
    pub fn make() -> anyhow::Result<Self> {
        Self::for_bucket("cache")
    }

    /// Makes a certificate that is valid for the host name of a bucket too: a wildcard directly below `localhost` is refused by many clients.
    ///
    /// # Errors
    /// When the temporary folder cannot be written, or the bucket's name cannot be in a host name.
    pub fn for_bucket(bucket: &str) -> anyhow::Result<Self> {
        let authority_key = KeyPair::generate()?;
        let mut authority = CertificateParams::new(Vec::new())?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let name = "throw-away authority of `bench s3`";
        authority.distinguished_name.push(DnType::CommonName, name);
        let authority_pem = authority.self_signed(&authority_key)?.pem();

        let key = KeyPair::generate()?;
        let names = ["127.0.0.1".to_owned(), "localhost".to_owned(), format!("{bucket}.localhost")];
        let mut leaf = CertificateParams::new(names)?;
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let leaf = leaf.signed_by(&key, &Issuer::new(authority, authority_key))?;

        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
        let server = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)?;
        let folder = tempfile::Builder::new().prefix("bench-s3-").tempdir();
        let folder = folder.context("cannot make a temporary folder for the certificate")?;
        let certificate = Certificate { server: Arc::new(server), folder };
        std::fs::write(certificate.path(), authority_pem)
            .with_context(|| format!("cannot write {}", certificate.path().display()))?;
        Ok(certificate)
    }

    /// The PEM file for `SSL_CERT_FILE`.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }
}
