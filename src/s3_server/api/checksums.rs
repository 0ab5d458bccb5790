//! The five kinds of checksum that a client may send along with a body.

use base64_simd::STANDARD;
use http::HeaderMap;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Sha1, Sha256};
use s3s::dto::{Checksum, ChecksumType};
use s3s::{S3Result, s3_error};

/// The kind that S3 shows for objects that were put without any.
pub(super) const DEFAULT_KIND: &str = "CRC64NVME";

/// All kinds, by the names that S3 gives them.
pub(super) fn fields(sums: &Checksum) -> [(&'static str, Option<&String>); 5] {
    [
        ("CRC32", sums.checksum_crc32.as_ref()),
        ("CRC32C", sums.checksum_crc32c.as_ref()),
        ("CRC64NVME", sums.checksum_crc64nvme.as_ref()),
        ("SHA1", sums.checksum_sha1.as_ref()),
        ("SHA256", sums.checksum_sha256.as_ref()),
    ]
}

/// A hasher of the kinds that are wanted.
pub(super) fn hasher(wants: impl Fn(&str) -> bool) -> ChecksumHasher {
    ChecksumHasher {
        crc32: wants("CRC32").then(Crc32::new),
        crc32c: wants("CRC32C").then(Crc32c::new),
        crc64nvme: wants("CRC64NVME").then(Crc64Nvme::new),
        sha1: wants("SHA1").then(Sha1::new),
        sha256: wants("SHA256").then(Sha256::new),
    }
}

/// The checksum of one kind over a whole body.
pub(super) fn checksum_of(kind: &str, body: &[u8]) -> Checksum {
    let mut hasher = hasher(|name| name == kind);
    hasher.update(body);
    let kind = ChecksumType::from_static(ChecksumType::FULL_OBJECT);
    Checksum { checksum_type: Some(kind), ..hasher.finalize() }
}

/// The checksum of one kind over the checksums of `count` parts, as S3 gives it to an object that came in parts.
pub(super) fn composite(kind: &str, parts: &[u8], count: usize) -> Checksum {
    let mut sums = checksum_of(kind, parts);
    let all = [
        &mut sums.checksum_crc32,
        &mut sums.checksum_crc32c,
        &mut sums.checksum_crc64nvme,
        &mut sums.checksum_sha1,
        &mut sums.checksum_sha256,
    ];
    for sum in all.into_iter().flatten() {
        sum.push_str(&format!("-{count}"));
    }
    sums.checksum_type = Some(ChecksumType::from_static(ChecksumType::COMPOSITE));
    sums
}

/// The bytes of the checksum of one kind.
pub(super) fn bytes_of(kind: &str, sums: &Checksum) -> Option<Vec<u8>> {
    let (_, sum) = fields(sums).into_iter().find(|(name, _)| *name == kind)?;
    STANDARD.decode_to_vec(sum?).ok()
}

/// The checksums in the headers behind a body.
pub(super) fn in_trailers(trailers: &HeaderMap) -> Checksum {
    let sum = |name| trailers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    Checksum {
        checksum_crc32: sum("x-amz-checksum-crc32"),
        checksum_crc32c: sum("x-amz-checksum-crc32c"),
        checksum_crc64nvme: sum("x-amz-checksum-crc64nvme"),
        checksum_sha1: sum("x-amz-checksum-sha1"),
        checksum_sha256: sum("x-amz-checksum-sha256"),
        checksum_type: None,
    }
}

/// Compares those that were sent with the computed ones.
///
/// # Errors
/// `BadDigest` names the first that differs.
pub(super) fn compare(sent: &Checksum, computed: &Checksum) -> S3Result<()> {
    for ((kind, sent), (_, computed)) in fields(sent).into_iter().zip(fields(computed)) {
        if sent.is_some() && sent != computed {
            return Err(s3_error!(BadDigest, "The {kind} you specified did not match the calculated checksum."));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checksums of `123456789`: the check values of the CRC catalogue, and the output of `sha1sum` and `sha256sum`.
    #[test]
    fn each_kind_computes_its_own_and_no_other() {
        for (kind, expected) in [
            ("CRC32", "y/Q5Jg=="),
            ("CRC32C", "4waSgw=="),
            ("CRC64NVME", "rosUhgp5mIg="),
            ("SHA1", "98O8HYCOBHMq32eZZczDTKeuNEE="),
            ("SHA256", "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="),
        ] {
            let sums = checksum_of(kind, b"123456789");
            for (name, sum) in fields(&sums) {
                let expected = if name == kind { Some(expected) } else { None };
                assert_eq!(sum.map(String::as_str), expected, "{kind}: {name}");
            }
            let bytes = bytes_of(kind, &sums).unwrap();
            assert_eq!(STANDARD.encode_to_string(bytes), expected);
            compare(&sums, &sums).unwrap();
            assert!(compare(&sums, &checksum_of(kind, b"12345678")).is_err(), "{kind}");
            assert!(compare(&sums, &Checksum::default()).is_err(), "{kind}");
        }
        compare(&Checksum::default(), &checksum_of("CRC32", b"")).unwrap();
    }

    #[test]
    fn a_composite_counts_its_parts() {
        let sums = composite("CRC32", b"123456789", 3);
        assert_eq!(sums.checksum_crc32.as_deref(), Some("y/Q5Jg==-3"));
        assert_eq!(sums.checksum_sha1, None);
    }
}
