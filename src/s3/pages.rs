//! Pages of a listing in S3's words, for both versions of the operation.

use s3s::dto::{CommonPrefix, ETag};

use super::store::{Object, Page};

/// The most entries that S3 puts on one page.
pub(super) const MAX_KEYS: i32 = 1000;

pub(super) fn max_keys(asked: Option<i32>) -> usize {
    usize::try_from(asked.unwrap_or(MAX_KEYS).clamp(0, MAX_KEYS)).unwrap_or(0)
}

pub(super) fn contents(page: &Page) -> Option<Vec<s3s::dto::Object>> {
    let entry = |(key, object): &(String, Object)| s3s::dto::Object {
        key: Some(key.clone()),
        size: Some(object.body.len() as i64),
        e_tag: Some(ETag::Strong(object.etag.clone())),
        last_modified: Some(object.modified.into()),
        ..Default::default()
    };
    Some(page.objects.iter().map(entry).collect())
}

pub(super) fn common_prefixes(page: &Page) -> Option<Vec<CommonPrefix>> {
    let entry = |prefix: &String| CommonPrefix { prefix: Some(prefix.clone()) };
    Some(page.common_prefixes.iter().map(entry).collect())
}
