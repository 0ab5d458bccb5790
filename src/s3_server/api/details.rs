//! Details stored beside the body of an object: the headers that come back as they were sent, and checksums.

use s3s::dto::{Checksum, Metadata, Timestamp};

/// The content type of an object that was put without one.
pub(super) const PLAIN_TYPE: &str = "binary/octet-stream";

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Details {
    pub(super) cache_control: Option<String>,
    pub(super) content_disposition: Option<String>,
    pub(super) content_encoding: Option<String>,
    pub(super) content_language: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) expires: Option<Timestamp>,
    /// Headers `x-amz-meta-…`, named by what follows.
    pub(super) metadata: Option<Metadata>,
    /// As the client sent them, and verified.
    pub(super) checksum: Checksum,
}

impl Details {
    /// `aws-chunked` is how the body came in, and no property of the object.
    pub(super) fn without_transfer_coding(mut self) -> Self {
        let Some(encoding) = self.content_encoding.take() else {
            return self;
        };
        let kept = encoding.split(',').map(str::trim).filter(|part| !part.eq_ignore_ascii_case("aws-chunked"));
        let kept = kept.collect::<Vec<&str>>().join(",");
        if !kept.is_empty() {
            self.content_encoding = Some(kept);
        }
        self
    }
}

/// The details that a request names: the inputs of three operations have the same fields, and no common type.
macro_rules! details {
    ($input:expr) => {
        Details {
            cache_control: $input.cache_control.take(),
            content_disposition: $input.content_disposition.take(),
            content_encoding: $input.content_encoding.take(),
            content_language: $input.content_language.take(),
            content_type: $input.content_type.take(),
            expires: $input.expires.take(),
            metadata: $input.metadata.take(),
            checksum: Default::default(),
        }
        .without_transfer_coding()
    };
}

/// An answer (`GetObjectOutput` or `HeadObjectOutput`) that describes an object, with the checksums to show.
macro_rules! described {
    ($output:ident, $object:expr, $sums:expr) => {{
        let (details, sums): (Details, Checksum) = (Details::clone(&$object.details), $sums);
        $output {
            content_length: Some($object.body.len() as i64),
            accept_ranges: Some("bytes".to_owned()),
            e_tag: Some(ETag::Strong($object.etag.clone())),
            last_modified: Some($object.modified.into()),
            cache_control: details.cache_control,
            content_disposition: details.content_disposition,
            content_encoding: details.content_encoding,
            content_language: details.content_language,
            content_type: Some(details.content_type.unwrap_or_else(|| PLAIN_TYPE.to_owned())),
            expires: details.expires,
            metadata: details.metadata,
            checksum_crc32: sums.checksum_crc32,
            checksum_crc32c: sums.checksum_crc32c,
            checksum_crc64nvme: sums.checksum_crc64nvme,
            checksum_sha1: sums.checksum_sha1,
            checksum_sha256: sums.checksum_sha256,
            checksum_type: sums.checksum_type,
            ..Default::default()
        }
    }};
}

pub(super) use {described, details};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transfer_coding_is_not_kept() {
        let kept = |encoding: &str| {
            let details = Details { content_encoding: Some(encoding.to_owned()), ..Details::default() };
            details.without_transfer_coding().content_encoding
        };
        assert_eq!(kept("aws-chunked"), None);
        assert_eq!(kept("gzip"), Some("gzip".to_owned()));
        assert_eq!(kept("aws-chunked, gzip"), Some("gzip".to_owned()));
        assert_eq!(kept("gzip,AWS-chunked"), Some("gzip".to_owned()));
    }
}
