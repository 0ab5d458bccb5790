//! Placeholders in the command, the variables and the folder of a backend, such as `{s3.bucket}`.

use crate::scenario::suggest::suggestion;

/// The known ones, each with what stands in its place.
pub const KNOWN: [(&str, &str); 10] = [
    ("{local}", "an empty folder for its local store, kept from one build to the next"),
    ("{work}", "the folder in which go is started"),
    ("{s3.url}", "the S3 server as a URL: http://127.0.0.1:34567"),
    ("{s3.host}", "its host and port: 127.0.0.1:34567"),
    ("{s3.bucket}", "a bucket of its own"),
    ("{s3.region}", "the region"),
    ("{s3.key}", "the access key"),
    ("{s3.secret}", "the secret access key"),
    ("{s3.token}", "the session token; empty without one"),
    ("{s3.certificate}", "a file with the certificate for https"),
];

/// Checks that a text has known placeholders only. Braces around anything else than a name are no placeholder.
pub fn check(text: &str) -> Result<(), String> {
    let names = KNOWN.map(|(name, _)| name);
    match all(text).find(|name| !names.contains(name)) {
        Some(wrong) => Err(format!("unknown placeholder `{wrong}`; {}", suggestion(wrong, &names))),
        None => Ok(()),
    }
}

/// The text with a value for each placeholder.
pub fn filled(text: &str, value: impl Fn(&str) -> String) -> String {
    let mut rest = text;
    let mut filled = String::new();
    while let Some(name) = all(rest).next() {
        let at = rest.find(name).unwrap_or(0);
        filled.push_str(&rest[..at]);
        filled.push_str(&value(name));
        rest = &rest[at + name.len()..];
    }
    filled + rest
}

/// The placeholders of a text in their order.
fn all(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('{').filter_map(|(at, _)| {
        let end = at + text[at..].find('}')?;
        let name = &text[at + 1..end];
        let is_name = !name.is_empty()
            && name.chars().all(|letter| letter.is_ascii_lowercase() || "._0123456789".contains(letter));
        if is_name { Some(&text[at..=end]) } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_and_other_braces_stay() {
        let value = |name: &str| format!("<{}>", name.trim_matches(['{', '}']));
        assert_eq!(filled("a{local}/{s3.host}{", value), "a<local>/<s3.host>{");
        assert_eq!(filled("{\"json\": {}} {A}", value), "{\"json\": {}} {A}");
        assert_eq!(check("{\"x\": 1} {local}"), Ok(()));
        assert!(check("{s3.buckt}").unwrap_err().contains("did you mean `{s3.bucket}`?"));
    }
}
