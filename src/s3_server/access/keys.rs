//! Access keys and what each of them may do, for tests of what a restricted key gets.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use clap::ValueEnum;
use http::Uri;
use percent_encoding::percent_decode_str;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::dto::CopySource;
use s3s::path::S3Path;
use s3s::{S3Error, S3Result, s3_error};

use crate::s3_server::access::credentials::Credentials;

/// One kind of action that a key may be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Right {
    /// Read an object
    Get,
    /// Write an object, in one request or in parts
    Put,
    /// List keys; without it a missing object is 403 instead of 404, as with AWS
    List,
    /// Remove an object
    Delete,
}

impl Right {
    /// Their names, as arguments have them.
    fn names() -> String {
        let known = Self::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        known.map(|value| value.get_name().to_owned()).collect::<Vec<String>>().join(", ")
    }
}

/// Rights on all keys that begin with a prefix, in every bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub prefix: String,
    pub rights: Vec<Right>,
}

impl Grant {
    pub fn new(prefix: impl Into<String>, rights: &[Right]) -> Self {
        Self { prefix: prefix.into(), rights: rights.to_vec() }
    }
}

/// As an argument: `get,put:ci/` for objects below `ci/`, `get,put` for all.
impl FromStr for Grant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (names, prefix) = text.split_once(':').unwrap_or((text, ""));
        let right = |name| {
            Right::from_str(name, false)
                .map_err(|_| format!("`{name}` is not a right: give one or more of {}", Right::names()))
        };
        let rights = names.split(',').map(right).collect::<Result<Vec<Right>, String>>()?;
        Ok(Self { prefix: prefix.to_owned(), rights })
    }
}

struct Key {
    secret: SecretKey,
    /// `None` for a key that may do everything.
    grants: Option<Vec<Grant>>,
}

/// All keys that the server knows.
#[derive(Default)]
pub(crate) struct Keys(RwLock<HashMap<String, Key>>);

impl Keys {
    fn known(&self) -> RwLockReadGuard<'_, HashMap<String, Key>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a key; `None` for one that may do everything.
    pub(crate) fn add(&self, credentials: &Credentials, grants: Option<Vec<Grant>>) {
        let secret = SecretKey::from(credentials.secret_access_key.as_str());
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(credentials.access_key_id.clone(), Key { secret, grants });
    }

    /// True if a request that `user` signed may act on an object, or list the objects below a prefix.
    pub(crate) fn allows(&self, user: User<'_>, right: Right, key_or_prefix: &str) -> bool {
        let known = self.known();
        let Some(key) = user.0.and_then(|user| known.get(&user.access_key)) else {
            return false;
        };
        let Some(grants) = &key.grants else {
            return true;
        };
        grants.iter().any(|grant| grant.rights.contains(&right) && key_or_prefix.starts_with(&grant.prefix))
    }

    /// The answer where there is no such object: that is not shown to a key that may not list.
    pub(crate) fn missing(&self, user: User<'_>, key: &str) -> S3Error {
        if self.allows(user, Right::List, key) {
            return s3_error!(NoSuchKey, "The specified key does not exist.");
        }
        denied()
    }

    fn is_unrestricted(&self, user: User<'_>) -> bool {
        let known = self.known();
        user.0.and_then(|user| known.get(&user.access_key)).is_some_and(|key| key.grants.is_none())
    }
}

/// Who signed a request; `None` for a request without a signature.
#[derive(Clone, Copy)]
pub struct User<'a>(pub(crate) Option<&'a s3s::auth::Credentials>);

pub(crate) fn denied() -> S3Error {
    s3_error!(AccessDenied, "Access Denied")
}

/// Lets `s3s` look up secrets and ask for rights.
#[derive(Clone)]
pub struct Guard(pub(crate) std::sync::Arc<Keys>);

#[async_trait::async_trait]
impl S3Auth for Guard {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        let known = self.0.known();
        let key = known.get(access_key);
        key.map(|key| key.secret.clone()).ok_or_else(|| {
            s3_error!(InvalidAccessKeyId, "The AWS Access Key Id you provided does not exist in our records.")
        })
    }
}

#[async_trait::async_trait]
impl S3Access for Guard {
    async fn check(&self, asked: &mut S3AccessContext<'_>) -> S3Result<()> {
        let user = User(asked.credentials());
        if self.0.is_unrestricted(user) {
            return Ok(());
        }
        let allowed = match needed(asked.s3_op().name(), asked.s3_path(), asked.uri()) {
            Needed::One(right, key) => self.0.allows(user, right, &key),
            // The operation asks for each key.
            Needed::Later => user.0.is_some(),
            Needed::Everything => false,
        };
        let source = asked.headers().get("x-amz-copy-source").and_then(|source| source.to_str().ok());
        let source_allowed = match source.and_then(|source| CopySource::parse(source).ok()) {
            Some(CopySource::Bucket { key, .. }) => self.0.allows(user, Right::Get, &key),
            _ => true,
        };
        if allowed && source_allowed { Ok(()) } else { Err(denied()) }
    }
}

/// The right that an operation needs.
enum Needed {
    One(Right, String),
    Later,
    Everything,
}

fn needed(operation: &str, path: &S3Path, uri: &Uri) -> Needed {
    let key = match path {
        S3Path::Object { key, .. } => key.to_string(),
        _ => String::new(),
    };
    match operation {
        "GetObject" | "HeadObject" | "GetObjectAttributes" => Needed::One(Right::Get, key),
        "PutObject"
        | "CopyObject"
        | "CreateMultipartUpload"
        | "UploadPart"
        | "UploadPartCopy"
        | "CompleteMultipartUpload"
        | "AbortMultipartUpload" => Needed::One(Right::Put, key),
        "DeleteObject" => Needed::One(Right::Delete, key),
        "DeleteObjects" => Needed::Later,
        "ListObjects" | "ListObjectsV2" => Needed::One(Right::List, asked_prefix(uri)),
        "HeadBucket" | "GetBucketLocation" => Needed::One(Right::List, String::new()),
        _ => Needed::Everything,
    }
}

/// The prefix that a listing asks for.
fn asked_prefix(uri: &Uri) -> String {
    let query = uri.query().unwrap_or_default();
    let prefix = query.split('&').find_map(|part| part.strip_prefix("prefix="));
    let spaced = prefix.unwrap_or_default().replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_names_rights_and_the_prefix() {
        assert_eq!("get,put:ci/".parse(), Ok(Grant::new("ci/", &[Right::Get, Right::Put])));
        assert_eq!("list".parse(), Ok(Grant::new("", &[Right::List])));
        for wrong in ["", "read", "get,:x", "get put"] {
            let error = wrong.parse::<Grant>().unwrap_err();
            assert!(error.contains("more of get, put, list, delete"), "{wrong}: {error}");
        }
    }

    #[test]
    fn a_listing_needs_the_right_for_its_prefix() {
        let bucket = S3Path::Bucket { bucket: "b".into() };
        for (query, prefix) in
            [("list-type=2&prefix=a%2Fb%20c", "a/b c"), ("prefix=a+b", "a b"), ("list-type=2", ""), ("prefix=", "")]
        {
            let uri: Uri = format!("/b?{query}").parse().unwrap();
            match needed("ListObjectsV2", &bucket, &uri) {
                Needed::One(Right::List, asked) => assert_eq!(asked, prefix, "{query}"),
                _ => panic!("{query}"),
            }
        }
    }

    #[test]
    fn rights_end_with_the_prefix_and_unknown_users_have_none() {
        let keys = Keys::default();
        let credentials = Credentials::random().unwrap();
        keys.add(
            &credentials,
            Some(vec![Grant::new("a/", &[Right::Get, Right::List]), Grant::new("b", &[Right::Put])]),
        );
        let signed = |access_key: &str| s3s::auth::Credentials {
            access_key: access_key.to_owned(),
            secret_key: SecretKey::from("never checked here"),
        };
        let (known, unknown) = (signed(&credentials.access_key_id), signed("nobody"));
        let may = |right, key| keys.allows(User(Some(&known)), right, key);
        assert!(may(Right::Get, "a/x") && may(Right::List, "a/") && may(Right::Put, "bx"));
        assert!(
            !may(Right::Get, "a") && !may(Right::List, "") && !may(Right::Put, "a/x") && !may(Right::Delete, "a/x")
        );
        for user in [User(None), User(Some(&unknown))] {
            assert!(!keys.allows(user, Right::Get, "a/x"));
        }
    }
}
