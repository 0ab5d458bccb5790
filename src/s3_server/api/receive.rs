//! Takes in the body of an upload, and compares it with what the client said about it.

use base64_simd::STANDARD;
use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt;
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::{Checksum, ChecksumAlgorithm, ChecksumType, StreamingBlob};
use s3s::{S3Error, S3ErrorCode, S3Result, TrailingHeaders, s3_error};

use crate::s3_server::api::checksums;

/// Length and checksums that a client gives with a body.
#[derive(Default)]
pub(super) struct Promised {
    pub(super) length_bytes: Option<i64>,
    pub(super) content_md5: Option<String>,
    pub(super) checksum: Checksum,
    /// The kind of checksum that comes behind the body, or that a multipart upload wants of each part.
    pub(super) algorithm: Option<ChecksumAlgorithm>,
    pub(super) trailers: Option<TrailingHeaders>,
}

/// The body of an upload, verified.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) body: Bytes,
    pub(super) md5: [u8; 16],
    pub(super) checksum: Checksum,
}

impl Received {
    /// A body that is on the server already.
    pub(super) fn of(body: Bytes, algorithm: Option<&ChecksumAlgorithm>) -> Self {
        let kind = algorithm.map_or("", ChecksumAlgorithm::as_str);
        Self { md5: Md5::checksum(&body), checksum: checksums::checksum_of(kind, &body), body }
    }

    /// The ETag of an object with this body, as of a part.
    pub(super) fn etag(&self) -> String {
        hexadecimal(&self.md5)
    }
}

/// Takes the promises out of the input of an operation: two operations have the same fields, and no common type.
macro_rules! promised {
    ($request:expr) => {
        Promised {
            length_bytes: $request.input.content_length,
            content_md5: $request.input.content_md5.take(),
            checksum: Checksum {
                checksum_crc32: $request.input.checksum_crc32.take(),
                checksum_crc32c: $request.input.checksum_crc32c.take(),
                checksum_crc64nvme: $request.input.checksum_crc64nvme.take(),
                checksum_sha1: $request.input.checksum_sha1.take(),
                checksum_sha256: $request.input.checksum_sha256.take(),
                checksum_type: None,
            },
            algorithm: $request.input.checksum_algorithm.take(),
            trailers: $request.trailing_headers.take(),
        }
    };
}

pub(super) use promised;

/// Takes in a whole body. It is copied once into a buffer of its own: the chunks are views into the connection's read
/// buffers, which would stay alive with every small object.
///
/// # Errors
/// When the body ends early, or is not what was promised (`BadDigest`, `InvalidDigest`, `XAmzContentSHA256Mismatch`).
pub(super) async fn receive(body: Option<StreamingBlob>, promised: Promised) -> S3Result<Received> {
    let announced = promised.length_bytes.and_then(|length| usize::try_from(length).ok());
    let mut whole = BytesMut::with_capacity(announced.unwrap_or(0).min(64 << 20));
    let mut md5 = Md5::new();
    let wanted = promised.algorithm.as_ref().map(ChecksumAlgorithm::as_str);
    let sent = checksums::fields(&promised.checksum);
    let mut hasher =
        checksums::hasher(|kind| wanted == Some(kind) || sent.iter().any(|(name, sum)| *name == kind && sum.is_some()));
    if let Some(mut body) = body {
        while let Some(chunk) = body.try_next().await.map_err(broken)? {
            md5.update(&chunk);
            hasher.update(&chunk);
            whole.extend_from_slice(&chunk);
        }
    }
    let computed = hasher.finalize();
    let md5 = md5.finalize();
    checksums::compare(&promised.checksum, &computed)?;
    if let Some(trailers) = promised.trailers.and_then(|trailers| trailers.take()) {
        checksums::compare(&checksums::in_trailers(&trailers), &computed)?;
    }
    check_md5(promised.content_md5.as_deref(), &md5)?;
    let kind = ChecksumType::from_static(ChecksumType::FULL_OBJECT);
    let checksum = Checksum { checksum_type: Some(kind), ..computed };
    Ok(Received { body: whole.freeze(), md5, checksum })
}

fn check_md5(sent: Option<&str>, computed: &[u8; 16]) -> S3Result<()> {
    let Some(sent) = sent else {
        return Ok(());
    };
    match STANDARD.decode_to_vec(sent) {
        Ok(sent) if sent == computed => Ok(()),
        Ok(sent) if sent.len() == computed.len() => {
            Err(s3_error!(BadDigest, "The Content-MD5 you specified did not match what we received."))
        }
        _ => Err(s3_error!(InvalidDigest, "The Content-MD5 you specified is not valid.")),
    }
}

/// The reason why a body did not come whole. The errors of `s3s` have no public types, so their text has to do.
fn broken(error: s3s::StdError) -> S3Error {
    let text = error.to_string();
    if text.contains("Sha256Mismatch") {
        let code = S3ErrorCode::Custom("XAmzContentSHA256Mismatch".into());
        let mut error =
            S3Error::with_message(code, "The provided 'x-amz-content-sha256' header does not match what was computed.");
        error.set_status_code(http::StatusCode::BAD_REQUEST);
        return error;
    }
    if text.contains("SignatureMismatch") {
        return S3Error::with_source(S3ErrorCode::SignatureDoesNotMatch, error);
    }
    S3Error::with_source(S3ErrorCode::IncompleteBody, error)
}

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The ETag of an object that came in one piece.
pub(super) fn etag_of(body: &[u8]) -> String {
    hexadecimal(&Md5::checksum(body))
}
