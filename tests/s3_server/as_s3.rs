//! The embedded server answers as S3 does, to an SDK with its own defaults.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumMode, CompletedMultipartUpload, CompletedPart, EncodingType, MetadataDirective,
};
use bytes::Bytes;
use gocacheprog::s3_server::Server;

use super::keys::{refused, says};
use super::{body_of, sdk, server};

/// MD5 of `body_of(3)`, as `md5sum` gives it.
const ETAG_OF_3: &str = "\"f5d25c6c5c47baec29ab1d087f07dd58\"";

pub async fn start() -> (Server, Client) {
    let (server, config) = server().await;
    (server, sdk(&config))
}

async fn put(client: &Client, key: &str) -> String {
    let put = client.put_object().bucket("cache").key(key).body(body_of(3).into()).send().await.unwrap();
    put.e_tag.unwrap()
}

#[tokio::test]
async fn metadata_and_headers_come_back_and_are_replaced_by_the_next_put() {
    let (_server, client) = start().await;
    let sent = client.put_object().bucket("cache").key("k").body(body_of(3).into());
    let sent = sent.metadata("Output-ID", "ab+/=").metadata("size", "3").content_type("text/x-go");
    let sent =
        sent.content_encoding("zstd").cache_control("no-store").content_disposition("inline").content_language("de");
    sent.expires(DateTime::from_secs(2_000_000_000)).send().await.unwrap();
    let head = client.head_object().bucket("cache").key("k").send().await.unwrap();
    let get = client.get_object().bucket("cache").key("k").send().await.unwrap();
    let metadata = get.metadata().unwrap();
    assert_eq!(metadata, head.metadata().unwrap());
    assert_eq!(metadata["output-id"], "ab+/=");
    assert_eq!((get.content_type(), head.content_type()), (Some("text/x-go"), Some("text/x-go")));
    assert_eq!((get.content_encoding(), get.cache_control()), (Some("zstd"), Some("no-store")));
    assert_eq!((get.content_disposition(), get.content_language()), (Some("inline"), Some("de")));
    assert_eq!(get.expires_string(), Some("Wed, 18 May 2033 03:33:20 GMT"));
    assert_eq!(head.e_tag(), get.e_tag());

    put(&client, "k").await;
    let head = client.head_object().bucket("cache").key("k").send().await.unwrap();
    assert!(head.metadata().is_none_or(|metadata| metadata.is_empty()));
    assert_eq!((head.content_encoding(), head.cache_control()), (None, None));
}

#[tokio::test]
async fn conditions_hold_for_reads_and_writes() {
    let (_server, client) = start().await;
    let etag = put(&client, "k").await;
    assert_eq!(etag, ETAG_OF_3);
    let get = || client.get_object().bucket("cache").key("k");
    let head = || client.head_object().bucket("cache").key("k");
    assert_eq!(refused!(get().if_none_match(&etag).send()).0, 304);
    assert_eq!(refused!(head().if_none_match(&etag).send()).0, 304);
    assert_eq!(refused!(get().if_match("\"other\"").send()), says(412, "PreconditionFailed"));
    assert_eq!(refused!(head().if_match("\"other\"").send()).0, 412);
    get().if_match(&etag).send().await.unwrap();
    let (past, future) = (DateTime::from_secs(1_000_000_000), DateTime::from_secs(4_000_000_000));
    assert_eq!(refused!(get().if_modified_since(future).send()).0, 304);
    assert_eq!(refused!(get().if_unmodified_since(past).send()), says(412, "PreconditionFailed"));
    get().if_modified_since(past).if_unmodified_since(future).send().await.unwrap();

    let put = |key: &str| client.put_object().bucket("cache").key(key).body(ByteStream::from_static(b"new"));
    assert_eq!(refused!(put("k").if_none_match("*").send()), says(412, "PreconditionFailed"));
    put("new").if_none_match("*").send().await.unwrap();
    assert_eq!(refused!(put("k").if_match("\"other\"").send()), says(412, "PreconditionFailed"));
    assert_eq!(refused!(put("none").if_match(&etag).send()), says(404, "NoSuchKey"));
    put("k").if_match(&etag).send().await.unwrap();
    let delete = client.delete_object().bucket("cache").key("k").if_match(&etag).send();
    assert_eq!(refused!(delete), says(412, "PreconditionFailed"));
}

#[tokio::test]
async fn of_many_that_create_the_same_object_one_wins() {
    let (_server, client) = start().await;
    let puts = (0..16)
        .map(|_| client.put_object().bucket("cache").key("k").if_none_match("*").body(body_of(100_000).into()).send());
    let done = futures_util::future::join_all(puts).await;
    assert_eq!(done.iter().filter(|put| put.is_ok()).count(), 1);
}

#[tokio::test]
async fn a_copy_keeps_what_belongs_to_the_object_or_replaces_it() {
    let (_server, client) = start().await;
    client.create_bucket().bucket("second").send().await.unwrap();
    let first = client.put_object().bucket("cache").key("a b+c").body(body_of(3).into());
    first.metadata("m", "1").content_type("text/plain").send().await.unwrap();
    let copy = || client.copy_object().copy_source("cache/a%20b%2Bc").bucket("second").key("to");
    let copied = copy().send().await.unwrap();
    assert_eq!(copied.copy_object_result().unwrap().e_tag(), Some(ETAG_OF_3));
    let head = async || client.head_object().bucket("second").key("to").send().await.unwrap();
    assert_eq!(
        (head().await.metadata().unwrap()["m"].as_str(), head().await.content_type()),
        ("1", Some("text/plain"))
    );
    let replaced = copy().metadata_directive(MetadataDirective::Replace).metadata("n", "2");
    replaced.content_type("text/html").send().await.unwrap();
    let metadata = head().await.metadata().cloned().unwrap();
    assert_eq!((metadata.len(), metadata["n"].as_str(), head().await.content_type()), (1, "2", Some("text/html")));

    assert_eq!(refused!(copy().copy_source_if_none_match(ETAG_OF_3).send()), says(412, "PreconditionFailed"));
    assert_eq!(refused!(copy().copy_source_if_match("\"x\"").send()), says(412, "PreconditionFailed"));
    copy().copy_source_if_match(ETAG_OF_3).send().await.unwrap();
    let to_itself = client.copy_object().copy_source("second/to").bucket("second").key("to").send();
    assert_eq!(refused!(to_itself), says(400, "InvalidRequest"));
    let missing = client.copy_object().copy_source("cache/none").bucket("second").key("to").send();
    assert_eq!(refused!(missing), says(404, "NoSuchKey"));
}

#[tokio::test]
async fn ranges_are_cut_as_they_are_asked() {
    let (_server, client) = start().await;
    let whole = body_of(1000);
    client.put_object().bucket("cache").key("k").body(whole.clone().into()).send().await.unwrap();
    for (range, start, end) in
        [("bytes=0-9", 0, 10), ("bytes=990-", 990, 1000), ("bytes=-10", 990, 1000), ("bytes=5-5000", 5, 1000)]
    {
        let get = client.get_object().bucket("cache").key("k").range(range).send().await.unwrap();
        assert_eq!(get.content_range(), Some(format!("bytes {start}-{}/1000", end - 1).as_str()), "{range}");
        assert_eq!(get.body.collect().await.unwrap().into_bytes(), whole.slice(start..end), "{range}");
    }
    let beyond = client.get_object().bucket("cache").key("k").range("bytes=1000-").send();
    assert_eq!(refused!(beyond), says(416, "InvalidRange"));
}

#[tokio::test]
async fn checksums_of_all_kinds_are_verified_and_shown() {
    let (_server, client) = start().await;
    let kinds = [
        ChecksumAlgorithm::Crc32,
        ChecksumAlgorithm::Crc32C,
        ChecksumAlgorithm::Crc64Nvme,
        ChecksumAlgorithm::Sha1,
        ChecksumAlgorithm::Sha256,
    ];
    for kind in kinds {
        let put = client.put_object().bucket("cache").key("k").body(body_of(70_000).into());
        put.checksum_algorithm(kind.clone()).send().await.unwrap();
        // The SDK verifies what comes back.
        let get =
            client.get_object().bucket("cache").key("k").checksum_mode(ChecksumMode::Enabled).send().await.unwrap();
        let shown = [
            get.checksum_crc32(),
            get.checksum_crc32_c(),
            get.checksum_crc64_nvme(),
            get.checksum_sha1(),
            get.checksum_sha256(),
        ];
        assert_eq!(shown.iter().flatten().count(), 1, "{kind}: {shown:?}");
        assert_eq!(get.body.collect().await.unwrap().into_bytes(), body_of(70_000), "{kind}");
        let head = client.head_object().bucket("cache").key("k").send().await.unwrap();
        assert_eq!(head.checksum_type(), None, "only where it is asked");
    }
    let wrong = client.put_object().bucket("cache").key("k").body(body_of(3).into()).checksum_crc32("AAAAAA==").send();
    assert_eq!(refused!(wrong), says(400, "BadDigest"));
    let put = |md5: &str| client.put_object().bucket("cache").key("k").body(body_of(3).into()).content_md5(md5).send();
    assert_eq!(refused!(put("CY9rzUYh03PK3k6DJie09g==")), says(400, "BadDigest"));
    assert_eq!(refused!(put("no md5")), says(400, "InvalidDigest"));
    put("9dJcbFxHuuwpqx0Ifwfdea==").await.unwrap_err();
    put("9dJcbFxHuuwpqx0IfwfdWA==").await.unwrap();
}

#[tokio::test]
async fn a_body_in_chunks_loses_its_framing_and_its_checksum_behind_it_counts() {
    let (_server, client) = start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("body");
    std::fs::write(&path, body_of(300_000)).unwrap();
    for kind in [ChecksumAlgorithm::Crc32, ChecksumAlgorithm::Sha256] {
        let put = client.put_object().bucket("cache").key("k").content_encoding("gzip").checksum_algorithm(kind);
        put.body(ByteStream::from_path(&path).await.unwrap()).send().await.unwrap();
        let get =
            client.get_object().bucket("cache").key("k").checksum_mode(ChecksumMode::Enabled).send().await.unwrap();
        assert_eq!(get.content_encoding(), Some("gzip"));
        assert!(get.checksum_crc32().or(get.checksum_sha256()).is_some());
        assert_eq!(get.body.collect().await.unwrap().into_bytes(), body_of(300_000));
    }
}

#[tokio::test]
async fn an_upload_in_parts_has_metadata_and_an_etag_that_counts_them() {
    let (server, client) = start().await;
    let started = client.create_multipart_upload().bucket("cache").key("k").metadata("m", "1").send().await.unwrap();
    let id = started.upload_id().unwrap();
    let bodies = [body_of(5 << 20), body_of(70_000)];
    let mut parts = Vec::new();
    for (number, body) in (1..).zip(bodies.clone()) {
        let part = client.upload_part().bucket("cache").key("k").upload_id(id).part_number(number).body(body.into());
        let etag = part.send().await.unwrap().e_tag.unwrap();
        parts.push(CompletedPart::builder().part_number(number).e_tag(etag).build());
    }
    let complete = |parts: &[CompletedPart]| {
        let listed = CompletedMultipartUpload::builder().set_parts(Some(parts.to_vec())).build();
        client.complete_multipart_upload().bucket("cache").key("k").upload_id(id).multipart_upload(listed).send()
    };
    let backwards: Vec<_> = parts.iter().rev().cloned().collect();
    assert_eq!(refused!(complete(&backwards)), says(400, "InvalidPartOrder"));
    let etag = complete(&parts).await.unwrap().e_tag.unwrap();
    assert!(etag.ends_with("-2\""), "{etag}");
    let get = client.get_object().bucket("cache").key("k").send().await.unwrap();
    assert_eq!((get.e_tag(), get.metadata().unwrap()["m"].as_str()), (Some(etag.as_str()), "1"));
    assert_eq!(get.body.collect().await.unwrap().into_bytes(), Bytes::from(bodies.concat()));
    let abort = client.abort_multipart_upload().bucket("cache").key("k").upload_id(id).send();
    assert_eq!(refused!(abort), says(404, "NoSuchUpload"));
    assert_eq!(server.stats("").objects, 1);
}

#[tokio::test]
async fn listings_are_cut_grouped_and_encoded_as_asked() {
    let (_server, client) = start().await;
    for key in ["a/1", "a/2", "b c+d", "e"] {
        put(&client, key).await;
    }
    let list = client.list_objects_v2().bucket("cache").start_after("a/1").delimiter("/").send().await.unwrap();
    let keys: Vec<_> = list.contents().iter().filter_map(|object| object.key()).collect();
    assert_eq!((keys, list.common_prefixes()[0].prefix()), (vec!["b c+d", "e"], Some("a/")));
    assert_eq!(list.contents()[0].e_tag(), Some(ETAG_OF_3));
    let list =
        client.list_objects_v2().bucket("cache").prefix("b c").encoding_type(EncodingType::Url).send().await.unwrap();
    assert_eq!(list.contents()[0].key(), Some("b%20c%2Bd"));
    assert_eq!((list.prefix(), list.encoding_type()), (Some("b%20c"), Some(&EncodingType::Url)));
    let list = client.list_objects().bucket("cache").max_keys(2).send().await.unwrap();
    assert_eq!((list.is_truncated(), list.next_marker()), (Some(true), None));
    let list = client.list_objects().bucket("cache").marker("a/2").max_keys(2).delimiter("/").send().await.unwrap();
    assert_eq!((list.is_truncated(), list.contents().len()), (Some(false), 2));
}

#[tokio::test]
async fn buckets_come_and_go_and_what_is_not_there_has_its_code() {
    let (_server, client) = start().await;
    client.create_bucket().bucket("second").send().await.unwrap();
    let buckets = client.list_buckets().send().await.unwrap();
    let names: Vec<_> = buckets.buckets().iter().filter_map(|bucket| bucket.name()).collect();
    assert_eq!(names, ["cache", "second"]);
    client.get_bucket_location().bucket("second").send().await.unwrap();
    put(&client, "k").await;
    assert_eq!(refused!(client.delete_bucket().bucket("cache").send()), says(409, "BucketNotEmpty"));
    client.delete_bucket().bucket("second").send().await.unwrap();
    assert_eq!(refused!(client.head_bucket().bucket("second").send()).0, 404);
    assert_eq!(refused!(client.list_objects_v2().bucket("second").send()), says(404, "NoSuchBucket"));
    assert_eq!(refused!(client.get_object().bucket("second").key("k").send()), says(404, "NoSuchBucket"));
    assert_eq!(refused!(client.get_object().bucket("cache").key("none").send()), says(404, "NoSuchKey"));
    assert_eq!(refused!(client.head_object().bucket("cache").key("none").send()).0, 404);
    let tags = client.get_object_tagging().bucket("cache").key("k").send();
    assert_eq!(refused!(tags), says(501, "NotImplemented"));
}
