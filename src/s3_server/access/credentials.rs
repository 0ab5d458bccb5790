//! The throw-away key pair of one start of the embedded server.

use std::fmt;

use ring::error::Unspecified;
use ring::rand::{SecureRandom, SystemRandom};

/// Opens this server and nothing else, until it ends.
#[derive(Clone)]
pub struct Credentials {
    pub access_key_id: String,
    pub secret_access_key: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

impl Credentials {
    /// # Errors
    /// When the system has no random numbers to give.
    pub fn random() -> anyhow::Result<Self> {
        Ok(Credentials {
            access_key_id: format!("BENCH{}", random_hex::<8>()?),
            secret_access_key: random_hex::<20>()?,
        })
    }
}

/// `N` random bytes as hexadecimal digits.
pub(crate) fn random_hex<const N: usize>() -> anyhow::Result<String> {
    let mut bytes = [0; N];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|Unspecified| anyhow::anyhow!("the system gave no random bytes for a key"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02X}")).collect())
}
