//! What a key with few rights, a wrong one, or none gets from the embedded server.

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use gocacheprog::s3_server::{Credentials, Grant, Right};

use super::presigned::request;
use super::{body_of, sdk, server};

/// Status and error code of a refused request.
macro_rules! refused {
    ($sent:expr) => {{
        let error = $sent.await.unwrap_err();
        let status = error.raw_response().unwrap().status().as_u16();
        (status, error.code().unwrap_or_default().to_owned())
    }};
}
pub(crate) use refused;

/// What a refusal says, in a form to compare with that of [`refused`].
pub fn says(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn a_key_may_do_what_its_grants_say_below_their_prefixes() {
    let (server, config) = server().await;
    let all = sdk(&config);
    for key in ["ci/x", "ci/y", "other"] {
        all.put_object().bucket("cache").key(key).body(body_of(3).into()).send().await.unwrap();
    }
    let few = Credentials::random().unwrap();
    server.add_key(&few, vec![Grant::new("ci/", &[Right::Get, Right::Put])]);
    let mut config = config.clone();
    (config.access_key_id, config.secret_access_key) = (few.access_key_id.clone(), few.secret_access_key.clone());
    let few = sdk(&config);
    let get = |key: &str| few.get_object().bucket("cache").key(key).send();
    let put = |key: &str| few.put_object().bucket("cache").key(key).body(body_of(3).into()).send();
    let denied = says(403, "AccessDenied");

    get("ci/x").await.unwrap();
    put("ci/z").await.unwrap();
    assert_eq!(refused!(get("other")), denied);
    assert_eq!(refused!(put("other")), denied);
    // Without the right to list, a missing object is none of its business.
    assert_eq!(refused!(get("ci/none")), denied);
    assert_eq!(refused!(few.head_object().bucket("cache").key("ci/none").send()).0, 403);
    assert_eq!(refused!(few.head_bucket().bucket("cache").send()).0, 403);
    assert_eq!(refused!(few.list_objects_v2().bucket("cache").prefix("ci/").send()), denied);
    assert_eq!(refused!(few.list_objects().bucket("cache").prefix("ci/").send()), denied);
    assert_eq!(refused!(few.delete_object().bucket("cache").key("ci/x").send()), denied);
    assert_eq!(refused!(few.list_buckets().send()), denied);
    assert_eq!(refused!(few.create_bucket().bucket("more").send()), denied);
    let upload = few.create_multipart_upload().bucket("cache").key("other").send();
    assert_eq!(refused!(upload), denied);
    let copy = |from: &str, to: &str| few.copy_object().copy_source(from).bucket("cache").key(to).send();
    copy("cache/ci/x", "ci/copy").await.unwrap();
    assert_eq!(refused!(copy("cache/other", "ci/copy")), denied);
    assert_eq!(refused!(copy("cache/ci/x", "other")), denied);
}

#[tokio::test]
async fn a_large_body_that_is_refused_gets_its_answer() {
    let (server, mut config) = server().await;
    let few = Credentials::random().unwrap();
    server.add_key(&few, vec![Grant::new("ci/", &[Right::Put])]);
    (config.access_key_id, config.secret_access_key) = (few.access_key_id, few.secret_access_key);
    let few = sdk(&config);
    for bucket in ["cache", "nowhere"] {
        let put = few.put_object().bucket(bucket).key("other").body(vec![7; 20_000_000].into()).send();
        assert_eq!(refused!(put), says(403, "AccessDenied"));
    }
    let put = few.put_object().bucket("nowhere").key("ci/x").body(vec![7; 20_000_000].into()).send();
    assert_eq!(refused!(put), says(404, "NoSuchBucket"));
}

#[tokio::test]
async fn the_right_to_list_is_for_a_prefix_and_tells_what_is_missing() {
    let (server, mut config) = server().await;
    let few = Credentials::random().unwrap();
    server.add_key(&few, vec![Grant::new("a b/", &[Right::Get, Right::List]), Grant::new("all", &[Right::Delete])]);
    (config.access_key_id, config.secret_access_key) = (few.access_key_id, few.secret_access_key);
    let few = sdk(&config);
    let list = |prefix: &str| few.list_objects_v2().bucket("cache").prefix(prefix).send();
    assert_eq!(list("a b/").await.unwrap().key_count, Some(0));
    list("a b/more").await.unwrap();
    assert_eq!(refused!(list("a")), says(403, "AccessDenied"));
    let missing = few.get_object().bucket("cache").key("a b/x").send();
    assert_eq!(refused!(missing), says(404, "NoSuchKey"));
    few.delete_object().bucket("cache").key("all").send().await.unwrap();
}

#[tokio::test]
async fn a_batch_delete_answers_for_each_key() {
    let (server, config) = server().await;
    let all = sdk(&config);
    for key in ["ci/x", "other"] {
        all.put_object().bucket("cache").key(key).body(body_of(3).into()).send().await.unwrap();
    }
    let few = Credentials::random().unwrap();
    server.add_key(&few, vec![Grant::new("ci/", &[Right::Delete])]);
    let mut config = config.clone();
    (config.access_key_id, config.secret_access_key) = (few.access_key_id, few.secret_access_key);
    for quiet in [false, true] {
        let keys = ["ci/x", "other", "ci/none"].map(|key| ObjectIdentifier::builder().key(key).build().unwrap());
        let delete = Delete::builder().set_objects(Some(keys.to_vec())).quiet(quiet).build().unwrap();
        let answer = sdk(&config).delete_objects().bucket("cache").delete(delete).send().await.unwrap();
        let deleted: Vec<_> = answer.deleted().iter().filter_map(|deleted| deleted.key()).collect();
        assert_eq!(deleted, if quiet { vec![] } else { vec!["ci/x", "ci/none"] });
        let [error] = answer.errors() else { panic!("{:?}", answer.errors()) };
        assert_eq!((error.key(), error.code()), (Some("other"), Some("AccessDenied")));
    }
    assert_eq!(server.stats("").objects, 1);
}

#[tokio::test]
async fn a_clock_that_is_far_off_is_named() {
    let (server, config) = server().await;
    let scope = format!("{}/20200101/us-east-1/s3/aws4_request", config.access_key_id);
    let signature = format!("Credential={scope}, SignedHeaders=host;x-amz-date, Signature={}", "0".repeat(64));
    let text = format!(
        "GET /cache/k HTTP/1.1\nHost: {}\nConnection: close\nx-amz-date: 20200101T000000Z\n\
         x-amz-content-sha256: UNSIGNED-PAYLOAD\nAuthorization: AWS4-HMAC-SHA256 {signature}\n\n",
        server.address()
    );
    let (status, body) = request(&server, &text).await;
    assert!(status == 403 && body.contains("<Code>RequestTimeTooSkewed</Code>"), "{status} {body}");
}

#[tokio::test]
async fn wrong_keys_are_refused_each_in_its_own_words() {
    let (_server, config) = server().await;
    let mut wrong_secret = config.clone();
    wrong_secret.secret_access_key = "wrong".to_owned();
    let mut unknown = config.clone();
    unknown.access_key_id = "unknown".to_owned();
    for (config, code) in [(wrong_secret, "SignatureDoesNotMatch"), (unknown, "InvalidAccessKeyId")] {
        let client = sdk(&config);
        assert_eq!(refused!(client.get_object().bucket("cache").key("x").send()), says(403, code));
        assert_eq!(refused!(client.list_objects_v2().bucket("cache").send()), says(403, code));
    }
}
