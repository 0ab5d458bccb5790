//! Who may do what: keys, rights, host names and certificates.

pub(crate) mod credentials;
pub(crate) mod hosts;
pub(crate) mod keys;
pub(crate) mod tls;
