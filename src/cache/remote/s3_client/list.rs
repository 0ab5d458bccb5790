//! Listings, to their end: stores end them in more ways than S3 does.

use std::collections::HashSet;
use std::time::Duration;

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::EncodingType;
use percent_encoding::percent_decode_str;

use crate::cache::remote::s3_client::client::{BATCH_TIMEOUT, ListedObject, S3Client, STALL_TIMEOUT};
use crate::cache::remote::s3_client::error::S3Error;

/// The most pages of one listing: a hundred million keys.
const MOST_PAGES: usize = 100_000;
/// The most pages without a key that may follow each other.
const MOST_EMPTY_PAGES: usize = 100;

impl S3Client {
    /// Hands every page of objects below `prefix` to `page`. The keys it gets are full keys, with
    /// the configured prefix.
    ///
    /// # Errors
    /// See [`S3Error`]; pages before the failing one have been handed over. [`S3Error::Incomplete`] when the store does not
    /// give what it says there is.
    pub async fn list(&self, prefix: &str, page: impl FnMut(Vec<ListedObject>)) -> Result<(), S3Error> {
        self.list_within(BATCH_TIMEOUT, prefix, page).await
    }

    /// Lists as [`S3Client::list`] does, for few objects for which go waits: a store that says nothing for five seconds is given up.
    ///
    /// # Errors
    /// As [`S3Client::list`].
    pub async fn list_quickly(&self, prefix: &str, page: impl FnMut(Vec<ListedObject>)) -> Result<(), S3Error> {
        self.list_within(STALL_TIMEOUT, prefix, page).await
    }

    async fn list_within(
        &self,
        limit: Duration,
        prefix: &str,
        mut page: impl FnMut(Vec<ListedObject>),
    ) -> Result<(), S3Error> {
        let prefix = self.full_key(prefix);
        let mut listing = Listing::new(self, limit, &prefix);
        while let Some(objects) = listing.next().await? {
            page(objects);
        }
        Ok(())
    }

    /// Asks for one key of a listing: whether the store answers at all, and lists to this key.
    ///
    /// # Errors
    /// See [`S3Error`].
    pub async fn list_one(&self) -> Result<(), S3Error> {
        let attempt = self.attempt("LIST", self.prefix());
        let request = self.shared.sdk.list_objects_v2().bucket(self.bucket()).prefix(self.prefix()).max_keys(1);
        self.run(&attempt, STALL_TIMEOUT, || request.clone().send()).await.map(drop)
    }

    /// All objects of the client, with their full keys; `None` when there are more than `most` and more than one page.
    /// `answered` is called after each request: a page holds a thousand keys.
    ///
    /// # Errors
    /// As [`S3Client::list`].
    pub async fn list_at_most(
        &self,
        most: usize,
        mut answered: impl FnMut(),
    ) -> Result<Option<Vec<ListedObject>>, S3Error> {
        let mut objects = Vec::new();
        let mut listing = Listing::new(self, BATCH_TIMEOUT, self.prefix());
        loop {
            let page = listing.next().await;
            if !matches!(page, Ok(None)) {
                answered();
            }
            let Some(page) = page? else { return Ok(Some(objects)) };
            objects.extend(page);
            if objects.len() >= most && !listing.is_over() {
                return Ok(None);
            }
        }
    }
}

/// A listing under way.
struct Listing<'a> {
    client: &'a S3Client,
    limit: Duration,
    prefix: &'a str,
    next: Next,
    pages: usize,
    empty_pages: usize,
    tokens: HashSet<String>,
    /// The first key of each page.
    firsts: HashSet<String>,
}

enum Next {
    First,
    Page(String),
    End,
}

impl<'a> Listing<'a> {
    fn new(client: &'a S3Client, limit: Duration, prefix: &'a str) -> Self {
        let (tokens, firsts) = Default::default();
        Listing { client, limit, prefix, next: Next::First, pages: 0, empty_pages: 0, tokens, firsts }
    }

    fn is_over(&self) -> bool {
        matches!(self.next, Next::End)
    }

    /// The next page; `None` after the last one.
    async fn next(&mut self) -> Result<Option<Vec<ListedObject>>, S3Error> {
        let token = match std::mem::replace(&mut self.next, Next::End) {
            Next::First => None,
            Next::Page(token) => Some(token),
            Next::End => return Ok(None),
        };
        let attempt = self.client.attempt("LIST", self.prefix);
        let request = self.client.shared.sdk.list_objects_v2().bucket(self.client.bucket());
        let request = request.prefix(self.prefix).set_continuation_token(token);
        let answer = self.client.run(&attempt, self.limit, || request.clone().send()).await?;
        let next_token = self.token_of(&answer).map_err(|reason| attempt.incomplete(reason))?;
        let objects = self.objects_of(answer);
        self.check_progress(&objects).map_err(|reason| attempt.incomplete(reason))?;
        if let Some(token) = next_token {
            self.next = Next::Page(token);
        }
        Ok(Some(objects))
    }

    /// The token of the page that follows, if one does. Some stores give one with the last page, or say nothing of an end.
    fn token_of(&mut self, answer: &ListObjectsV2Output) -> Result<Option<String>, &'static str> {
        let token = answer.next_continuation_token().filter(|token| !token.is_empty());
        match (answer.is_truncated(), token) {
            (Some(false), _) | (None, None) => Ok(None),
            (Some(true), None) => Err("the store says that there is more, and gives no token for it"),
            (_, Some(token)) if self.tokens.insert(token.to_owned()) => Ok(Some(token.to_owned())),
            (_, Some(_)) => Err("the store gives the same token again"),
        }
    }

    /// The objects of a page that are below the prefix: some stores do not know all parameters.
    fn objects_of(&self, answer: ListObjectsV2Output) -> Vec<ListedObject> {
        let is_encoded = answer.encoding_type() == Some(&EncodingType::Url);
        let objects = answer.contents.unwrap_or_default().into_iter().filter_map(|object| listed(object, is_encoded));
        objects.filter(|object| object.key.starts_with(self.prefix)).collect()
    }

    fn check_progress(&mut self, objects: &[ListedObject]) -> Result<(), &'static str> {
        self.pages += 1;
        match objects.first() {
            Some(first) => {
                self.empty_pages = 0;
                if !self.firsts.insert(first.key.clone()) {
                    return Err("the store gives the same objects again");
                }
            }
            None => self.empty_pages += 1,
        }
        if self.empty_pages > MOST_EMPTY_PAGES {
            return Err("the store gives one page without objects after the other");
        }
        if self.pages > MOST_PAGES {
            return Err("there are more than a hundred million objects");
        }
        Ok(())
    }
}

fn listed(object: aws_sdk_s3::types::Object, is_encoded: bool) -> Option<ListedObject> {
    let size_bytes = object.size.and_then(|size| u64::try_from(size).ok());
    let modified_s = object.last_modified.map_or(0, |time| time.secs());
    let key = object.key?;
    let key = if is_encoded { decoded(&key)? } else { key };
    Some(ListedObject { key, size_bytes: size_bytes.unwrap_or(0), modified_s })
}

/// As in a form: a space is a plus sign.
fn decoded(key: &str) -> Option<String> {
    let spaced = key.replace('+', "%20");
    percent_decode_str(&spaced).decode_utf8().ok().map(|key| key.into_owned())
}
