//! `S3_PREFIX` as people write it, and as all stores take it.

use crate::cache::remote::s3_config::error::S3ConfigError;

/// A key may have 1024 bytes, and the longest of ours has less than 128.
const MOST_BYTES: usize = 896;

/// Drops slashes at the beginning and double ones, which some stores drop from keys themselves (what was put is then not found
/// in a listing), and adds the one at the end that people mean.
pub(super) fn normalize(prefix: &str) -> Result<String, S3ConfigError> {
    let mut normal = String::with_capacity(prefix.len() + 1);
    for folder in prefix.split('/').filter(|folder| !folder.is_empty()) {
        if matches!(folder, "." | "..") {
            return Err(unusable("contains a folder \".\" or \"..\", which stores refuse"));
        }
        normal.push_str(folder);
        normal.push('/');
    }
    if normal.len() > MOST_BYTES {
        return Err(unusable("is longer than 896 bytes, which leaves too few for keys"));
    }
    Ok(normal)
}

fn unusable(reason: &'static str) -> S3ConfigError {
    S3ConfigError::Unusable { name: "S3_PREFIX", reason }
}
