//! From a request's first line, which operation it is and on which bucket and key.

use http::{Method, Uri};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

/// The operation of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    Get,
    Put,
    Head,
    List,
    Delete,
    /// One part of an upload in parts.
    Part,
    /// The start, the end or another step of an upload in parts.
    Multipart,
    #[default]
    Other,
}

/// The operation that a request asks for, and what it names.
#[derive(Debug, PartialEq, Eq)]
pub struct Target {
    pub operation: Operation,
    /// Empty when the request names none.
    pub bucket: String,
    /// Without the bucket, decoded; empty when the request names none.
    pub key: String,
}

/// What a request asks for. The path begins with the bucket, unless the host names that.
pub fn classify(method: &Method, uri: &Uri, host_bucket: Option<&str>) -> Target {
    let path = uri.path().trim_start_matches('/');
    let (bucket, key) = match host_bucket {
        Some(bucket) => (bucket, path),
        None => path.split_once('/').unwrap_or((path, "")),
    };
    let key = percent_decode_str(key).decode_utf8_lossy().into_owned();
    let query = uri.query().unwrap_or_default();
    let asks = |name: &str| query.split('&').any(|part| part.split('=').next() == Some(name));
    let operation = match (method, key.is_empty()) {
        (&Method::PUT, false) if asks("uploadId") => Operation::Part,
        (_, false) if asks("uploadId") || asks("uploads") => Operation::Multipart,
        (&Method::GET, false) => Operation::Get,
        (&Method::PUT, false) => Operation::Put,
        (&Method::HEAD, _) => Operation::Head,
        (&Method::DELETE, false) => Operation::Delete,
        (&Method::POST, true) if asks("delete") => Operation::Delete,
        (&Method::GET, true) if !bucket.is_empty() && !asks("location") => Operation::List,
        _ => Operation::Other,
    };
    Target { operation, bucket: bucket.to_owned(), key }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classified(method: Method, uri: &str) -> (Operation, String) {
        let target = classify(&method, &uri.parse().unwrap(), None);
        assert_eq!(target.bucket, if uri == "/" { "" } else { "c" }, "{uri}");
        (target.operation, target.key)
    }

    #[test]
    fn requests_are_told_apart() {
        let key = || "a+b=-d".to_owned();
        let none = String::new;
        assert_eq!(classified(Method::GET, "/c/a%2Bb%3D-d"), (Operation::Get, key()));
        assert_eq!(classified(Method::PUT, "/c/a+b=-d?x-id=PutObject"), (Operation::Put, key()));
        assert_eq!(classified(Method::HEAD, "/c/a+b=-d"), (Operation::Head, key()));
        assert_eq!(classified(Method::HEAD, "/c"), (Operation::Head, none()));
        assert_eq!(classified(Method::GET, "/c/?list-type=2&prefix=p"), (Operation::List, none()));
        assert_eq!(classified(Method::GET, "/c/?location="), (Operation::Other, none()));
        assert_eq!(classified(Method::GET, "/"), (Operation::Other, none()));
        assert_eq!(classified(Method::PUT, "/c"), (Operation::Other, none()));
        assert_eq!(classified(Method::POST, "/c/?delete="), (Operation::Delete, none()));
        assert_eq!(classified(Method::POST, "/c/a+b=-d?uploads="), (Operation::Multipart, key()));
        assert_eq!(classified(Method::PUT, "/c/a+b=-d?partNumber=1&uploadId=u"), (Operation::Part, key()));
        assert_eq!(classified(Method::DELETE, "/c/a+b=-d?uploadId=u"), (Operation::Multipart, key()));
    }

    #[test]
    fn the_host_may_name_the_bucket() {
        let in_host = |method, uri: &str| classify(&method, &uri.parse().unwrap(), Some("c"));
        let target = |operation, key: &str| Target { operation, bucket: "c".to_owned(), key: key.to_owned() };
        assert_eq!(in_host(Method::GET, "/a+b=-d"), target(Operation::Get, "a+b=-d"));
        assert_eq!(in_host(Method::GET, "/?list-type=2"), target(Operation::List, ""));
    }
}
