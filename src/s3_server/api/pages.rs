//! Pages of a listing in S3's words, for both versions of the operation.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::dto::{CommonPrefix, ETag, EncodingType};

use crate::s3_server::api::store::{Object, Page};

/// The most entries that S3 puts on one page.
pub(super) const MAX_KEYS: i32 = 1000;

/// Characters that `encoding-type=url` does not encode.
const NOT_IN_URLS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'*');

pub(super) fn max_keys(asked: Option<i32>) -> usize {
    usize::try_from(asked.unwrap_or(MAX_KEYS).clamp(0, MAX_KEYS)).unwrap_or(0)
}

/// How keys are written in an answer: XML cannot have all characters that keys can.
#[derive(Clone, Copy)]
pub(super) struct Spelling {
    is_url_encoded: bool,
}

impl Spelling {
    pub(super) fn asked(encoding: Option<&EncodingType>) -> Self {
        Self { is_url_encoded: encoding.is_some_and(|encoding| encoding.as_str() == EncodingType::URL) }
    }

    pub(super) fn of(self, text: &str) -> String {
        if self.is_url_encoded {
            return utf8_percent_encode(text, NOT_IN_URLS).to_string();
        }
        text.to_owned()
    }

    pub(super) fn of_all(self, text: Option<String>) -> Option<String> {
        text.map(|text| self.of(&text))
    }

    pub(super) fn contents(self, page: &Page) -> Option<Vec<s3s::dto::Object>> {
        let entry = |(key, object): &(String, Object)| s3s::dto::Object {
            key: Some(self.of(key)),
            size: Some(object.body.len() as i64),
            e_tag: Some(ETag::Strong(object.etag.clone())),
            last_modified: Some(object.modified.into()),
            ..Default::default()
        };
        Some(page.objects.iter().map(entry).collect())
    }

    pub(super) fn common_prefixes(self, page: &Page) -> Option<Vec<CommonPrefix>> {
        let entry = |prefix: &String| CommonPrefix { prefix: Some(self.of(prefix)) };
        Some(page.common_prefixes.iter().map(entry).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_url_encoded_where_that_is_asked() {
        let url = EncodingType::from_static(EncodingType::URL);
        let key = "a/b c+d&e=f-ü\u{1}";
        assert_eq!(Spelling::asked(None).of(key), key);
        assert_eq!(Spelling::asked(Some(&url)).of(key), "a/b%20c%2Bd%26e%3Df-%C3%BC%01");
    }
}
