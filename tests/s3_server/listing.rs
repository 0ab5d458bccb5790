//! Listings end, however the store ends them, and one that does not give all never counts as all.

use gocacheprog::cache::remote::s3_client::error::S3Error;

use super::fake::{Fake, answer, page};

async fn keys(fake: &Fake, prefix: &str) -> Result<Vec<String>, S3Error> {
    let mut keys = Vec::new();
    fake.client().list(prefix, |page| keys.extend(page.into_iter().map(|object| object.key))).await?;
    let all = fake.client().list_at_most(10_000, || ()).await?.unwrap();
    assert!(keys.len() <= all.len());
    Ok(keys)
}

const MORE: &str = "<IsTruncated>true</IsTruncated>";
const END: &str = "<IsTruncated>false</IsTruncated>";

fn token(name: &str) -> String {
    format!("<NextContinuationToken>{name}</NextContinuationToken>")
}

#[tokio::test]
async fn a_listing_ends_where_the_answer_says_so() {
    for last in [END.to_owned(), END.to_owned() + &token("again"), String::new(), END.to_owned() + &token("")] {
        let fake = Fake::answering(move |asked| match asked.parameter("continuation-token") {
            None => page(&["a", "b"], &(MORE.to_owned() + &token("2"))),
            Some(_) => page(&["c"], &last),
        });
        assert_eq!(keys(&fake, "").await.unwrap(), ["a", "b", "c"]);
    }
    let empty = Fake::answering(|_| answer("200 OK", "<ListBucketResult></ListBucketResult>"));
    assert!(keys(&empty, "").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_listing_without_its_rest_is_incomplete() {
    let number = std::sync::atomic::AtomicUsize::new(0);
    let next = move || number.fetch_add(1, std::sync::atomic::Ordering::Relaxed).to_string();
    let fakes = [
        Fake::answering(|_| page(&["a"], MORE)),
        Fake::answering(|_| page(&["a"], &(MORE.to_owned() + &token("")))),
        Fake::answering(|asked| {
            let key = asked.parameter("continuation-token").unwrap_or("first");
            page(&[key], &(MORE.to_owned() + &token("same")))
        }),
        // Two tokens that lead to each other.
        Fake::answering(|asked| match asked.parameter("continuation-token") {
            Some("one") => page(&["b"], &(MORE.to_owned() + &token("two"))),
            _ => page(&["a"], &(MORE.to_owned() + &token("one"))),
        }),
        // The same keys under tokens that are new.
        Fake::answering(move |_| page(&["a", "b"], &(MORE.to_owned() + &token(&next())))),
        Fake::answering({
            let number = std::sync::atomic::AtomicUsize::new(0);
            move |_| {
                let next = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                page(&[], &(MORE.to_owned() + &token(&next.to_string())))
            }
        }),
    ];
    for (number, fake) in fakes.iter().enumerate() {
        let error = keys(fake, "").await.unwrap_err();
        assert!(matches!(error, S3Error::Incomplete { .. }), "{number}: {error}");
        assert!(error.report().contains("the listing is incomplete: "), "{}", error.report());
        let at_most = fake.client().list_at_most(1000, || ()).await.unwrap_err();
        assert!(matches!(at_most, S3Error::Incomplete { .. }), "{number}: {at_most}");
    }
}

#[tokio::test]
async fn keys_are_decoded_where_the_answer_says_that_they_are_encoded() {
    let encoded = Fake::answering(|_| page(&["a%2Bb%3D%2Fc+d%C3%BC"], "<EncodingType>url</EncodingType>"));
    assert_eq!(keys(&encoded, "").await.unwrap(), ["a+b=/c dü"]);
    let plain = Fake::answering(|_| page(&["a+b=/c%2B"], ""));
    assert_eq!(keys(&plain, "").await.unwrap(), ["a+b=/c%2B"]);
}

#[tokio::test]
async fn keys_of_others_do_not_count_where_a_store_ignores_the_prefix() {
    let fake = Fake::answering(|_| page(&["other", "packs-v1/a"], END));
    assert_eq!(keys(&fake, "packs-v1/").await.unwrap(), ["packs-v1/a"]);
}
