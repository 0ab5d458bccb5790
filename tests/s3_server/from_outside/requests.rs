//! What the log says about a request: its times, its kind, its range.

use std::io::{Read, Write};
use std::time::Duration;

use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use gocacheprog::s3_server::{LinkSettings, Operation, Record};

use super::Served;
use crate::body_of;

/// The times of a request in their order.
fn times(record: &Record) -> [u64; 5] {
    let (first, last) = (record.first_byte_unix_ns.unwrap(), record.last_byte_unix_ns.unwrap());
    [record.accepted_unix_ns, record.t_unix_ns, record.received_unix_ns, first, last]
}

#[tokio::test(flavor = "multi_thread")]
async fn its_times_are_in_order_and_hold_what_the_link_added() {
    let bandwidth_bytes_per_s = Some(10_000_000);
    let link = LinkSettings { first_byte: Duration::from_millis(10), bandwidth_bytes_per_s, ..LinkSettings::NONE };
    let served = Served::start(link).await;
    let sdk = served.sdk(&served.server.endpoint());
    let body = body_of(200_000);
    sdk.put_object().bucket("cache").key("k").body(body.clone().into()).send().await.unwrap();
    let got = sdk.get_object().bucket("cache").key("k").send().await.unwrap();
    assert!(got.body.collect().await.unwrap().into_bytes() == body);
    let records = served.server.log_since(0);
    for record in &records {
        assert!(times(record).is_sorted(), "{record:?}");
        let [_, _, received, first, last] = times(record);
        assert!(first - received >= 10_000_000, "the latency: {record:?}");
        let (sent, came) = if record.op == Operation::Get { (first, last) } else { (record.t_unix_ns, received) };
        assert!(came - sent >= 20_000_000, "20 ms for 200 kB: {record:?}");
        assert!(record.duration_us >= (last - record.t_unix_ns) / 1000, "{record:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_lasts_until_a_slow_reader_has_taken_it() {
    let served = Served::start(LinkSettings::NONE).await;
    let length = 24 << 20;
    served.client().put_bytes("k", body_of(length)).await.unwrap();
    let sdk = served.sdk(&served.server.endpoint());
    let signed = aws_sdk_s3::presigning::PresigningConfig::expires_in(Duration::from_secs(600)).unwrap();
    let signed = sdk.get_object().bucket("cache").key("k").presigned(signed).await.unwrap();
    let path = signed.uri().split_once(&served.server.address().to_string()).unwrap().1.to_owned();

    let mark = served.server.mark();
    let mut stream = served.connect();
    let head = format!("GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", served.server.address());
    stream.write_all(head.as_bytes()).unwrap();
    stream.read_exact(&mut [0; 1000]).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert!(rest.len() > length - 1000);
    let record = served.server.log_since(mark).remove(0);
    let [.., first, last] = times(&record);
    assert!(last - first >= 100_000_000, "the kernel does not hold 24 MiB: {record:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_and_parts_are_named() {
    let served = Served::start(LinkSettings::NONE).await;
    let sdk = served.sdk(&served.server.https_endpoint());
    let (bucket, key) = ("cache", "a/b");
    let upload = sdk.create_multipart_upload().bucket(bucket).key(key).send().await.unwrap();
    let id = upload.upload_id().unwrap();
    let part = sdk.upload_part().bucket(bucket).key(key).upload_id(id).part_number(1).body(body_of(100).into());
    let part = part.send().await.unwrap();
    let part = CompletedPart::builder().part_number(1).set_e_tag(part.e_tag).build();
    let parts = CompletedMultipartUpload::builder().parts(part).build();
    let complete = sdk.complete_multipart_upload().bucket(bucket).key(key).upload_id(id);
    complete.multipart_upload(parts).send().await.unwrap();
    let got = sdk.get_object().bucket(bucket).key(key).range("bytes=10-19").send().await.unwrap();
    assert!(got.body.collect().await.unwrap().into_bytes() == body_of(100)[10..20]);
    sdk.head_object().bucket(bucket).key(key).send().await.unwrap();
    sdk.list_objects_v2().bucket(bucket).send().await.unwrap();
    sdk.delete_object().bucket(bucket).key(key).send().await.unwrap();

    let records = served.server.log_since(0);
    let operations: Vec<Operation> = records.iter().map(|record| record.op).collect();
    let first = [Operation::Multipart, Operation::Part, Operation::Multipart, Operation::Get];
    assert_eq!(operations[..4], first);
    assert_eq!(operations[4..], [Operation::Head, Operation::List, Operation::Delete]);
    assert!(records.iter().all(|record| record.bucket == bucket && record.tls));
    assert!(records.iter().all(|record| record.key == key || record.op == Operation::List));
    let ranges: Vec<Option<&str>> = records.iter().map(|record| record.range.as_deref()).collect();
    assert_eq!(ranges, [None, None, None, Some("bytes=10-19"), None, None, None]);
    assert_eq!((records[3].status, records[3].bytes_out), (Some(206), 10));
}
