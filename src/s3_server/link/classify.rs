//! From a request's first line, which operation it is and on which key.

use http::{Method, Uri};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

/// The operation of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    Get,
    Put,
    Head,
    List,
    Delete,
    Other,
}

/// The operation of a request, and the key that it names. The path begins with the bucket, or the host names that.
pub(crate) fn classify(method: &Method, uri: &Uri, is_virtual: bool) -> (Operation, String) {
    let path = uri.path().trim_start_matches('/');
    let key = if is_virtual { path } else { path.split_once('/').map_or("", |(_, key)| key) };
    let has_bucket = is_virtual || !path.is_empty();
    let key = percent_decode_str(key).decode_utf8_lossy().into_owned();
    let query = uri.query().unwrap_or_default();
    let asks = |name: &str| query.split('&').any(|part| part.split('=').next() == Some(name));
    let op = match (method, key.is_empty()) {
        (_, false) if asks("uploadId") || asks("uploads") => Operation::Other,
        (&Method::GET, false) => Operation::Get,
        (&Method::PUT, false) => Operation::Put,
        (&Method::HEAD, _) => Operation::Head,
        (&Method::DELETE, false) => Operation::Delete,
        (&Method::POST, true) if asks("delete") => Operation::Delete,
        (&Method::GET, true) if has_bucket && !asks("location") => Operation::List,
        _ => Operation::Other,
    };
    (op, key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classified(method: Method, uri: &str) -> (Operation, String) {
        classify(&method, &uri.parse().unwrap(), false)
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
        assert_eq!(classified(Method::POST, "/c/?delete="), (Operation::Delete, none()));
        let in_host = |method, uri: &str| classify(&method, &uri.parse().unwrap(), true);
        assert_eq!(in_host(Method::GET, "/a+b=-d"), (Operation::Get, key()));
        assert_eq!(in_host(Method::GET, "/?list-type=2"), (Operation::List, none()));
        assert_eq!(classified(Method::PUT, "/c/a+b=-d?partNumber=1&uploadId=u").0, Operation::Other);
    }
}
