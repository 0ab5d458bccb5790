//! Who may do what: keys, rights, host names and certificates.

pub mod credentials;
pub mod hosts;
pub mod keys;
pub mod tls;
