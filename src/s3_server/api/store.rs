//! The objects, in memory, and the one order that S3 lists them in.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::s3_server::api::details::Details;

/// One stored object. Cloning shares the body and the details.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) body: Bytes,
    pub(super) etag: String,
    pub(super) modified: SystemTime,
    pub(super) details: Arc<Details>,
}

impl Object {
    /// An object that is written now.
    pub(super) fn new(body: Bytes, etag: String, details: Details) -> Self {
        Self { body, etag, modified: SystemTime::now(), details: Arc::new(details) }
    }
}

/// There is no bucket of that name.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no bucket of that name")]
pub struct NoBucket;

/// The objects of a bucket whose keys begin with a prefix; an empty prefix for all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub bucket: String,
    pub prefix: String,
}

impl Place {
    /// All objects of a bucket.
    pub fn bucket(name: impl Into<String>) -> Self {
        Self { bucket: name.into(), prefix: String::new() }
    }
}

/// The parameters of a listing.
#[derive(Default)]
pub(super) struct Listing<'a> {
    pub(super) prefix: &'a str,
    pub(super) delimiter: Option<&'a str>,
    /// Only what comes after this key.
    pub(super) after: Option<&'a str>,
    pub(super) max_keys: usize,
}

/// One page of a listing.
#[derive(Default)]
pub(super) struct Page {
    pub(super) objects: Vec<(String, Object)>,
    pub(super) common_prefixes: Vec<String>,
    /// Where the next page goes on after, `None` on the last one.
    pub(super) next: Option<String>,
}

type Objects = BTreeMap<String, Object>;

struct Bucket {
    created: SystemTime,
    objects: Objects,
}

#[derive(Default)]
pub(crate) struct Store {
    buckets: Mutex<BTreeMap<String, Bucket>>,
}

impl Store {
    fn buckets(&self) -> MutexGuard<'_, BTreeMap<String, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn in_bucket<T>(&self, name: &str, f: impl FnOnce(&mut Objects) -> T) -> Result<T, NoBucket> {
        self.buckets().get_mut(name).map(|bucket| f(&mut bucket.objects)).ok_or(NoBucket)
    }

    pub(crate) fn create_bucket(&self, name: &str) {
        let new = || Bucket { created: SystemTime::now(), objects: Objects::new() };
        self.buckets().entry(name.to_owned()).or_insert_with(new);
    }

    /// Removes an empty bucket; returns whether it was empty.
    pub(super) fn delete_bucket(&self, name: &str) -> Result<bool, NoBucket> {
        let mut buckets = self.buckets();
        let is_empty = buckets.get(name).ok_or(NoBucket)?.objects.is_empty();
        if is_empty {
            buckets.remove(name);
        }
        Ok(is_empty)
    }

    /// Names in their order, and since when they are there.
    pub(super) fn bucket_names(&self) -> Vec<(String, SystemTime)> {
        self.buckets().iter().map(|(name, bucket)| (name.clone(), bucket.created)).collect()
    }

    pub(super) fn has_bucket(&self, name: &str) -> Result<(), NoBucket> {
        self.in_bucket(name, |_| ())
    }

    pub(super) fn get(&self, bucket: &str, key: &str) -> Result<Option<Object>, NoBucket> {
        self.in_bucket(bucket, |objects| objects.get(key).cloned())
    }

    /// Stores an object unless `check` of what is there now refuses.
    pub(super) fn put<E: From<NoBucket>>(
        &self,
        bucket: &str,
        key: String,
        object: Object,
        check: impl FnOnce(Option<&Object>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.in_bucket(bucket, |objects| {
            check(objects.get(&key))?;
            objects.insert(key, object);
            Ok(())
        })?
    }

    /// Removes an object, if there is one, unless `check` refuses.
    pub(super) fn delete<E: From<NoBucket>>(
        &self,
        bucket: &str,
        key: &str,
        check: impl FnOnce(Option<&Object>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.in_bucket(bucket, |objects| {
            check(objects.get(key))?;
            objects.remove(key);
            Ok(())
        })?
    }

    /// Removes everything below `prefix`, in all buckets; returns how many objects that were.
    pub(crate) fn clear(&self, prefix: &str) -> u64 {
        let mut deleted = 0;
        for Bucket { objects, .. } in self.buckets().values_mut() {
            let before = objects.len();
            objects.retain(|key, _| !key.starts_with(prefix));
            deleted += before - objects.len();
        }
        deleted as u64
    }

    /// Removes everything in `place`; returns how many objects that were.
    pub fn clear_place(&self, place: &Place) -> Result<u64, NoBucket> {
        self.in_bucket(&place.bucket, |objects| {
            let before = objects.len();
            objects.retain(|key, _| !key.starts_with(&place.prefix));
            (before - objects.len()) as u64
        })
    }

    /// Copies everything in `from` to the same names in `to`; returns how many objects that were.
    pub fn copy(&self, from: &Place, to: &Place) -> Result<u64, NoBucket> {
        let mut buckets = self.buckets();
        let source = buckets.get(&from.bucket).ok_or(NoBucket)?;
        let below = source.objects.iter().filter_map(|(key, object)| {
            let rest = key.strip_prefix(&from.prefix)?;
            Some((format!("{}{rest}", to.prefix), object.clone()))
        });
        let copies: Vec<_> = below.collect();
        let copied = copies.len() as u64;
        buckets.get_mut(&to.bucket).ok_or(NoBucket)?.objects.extend(copies);
        Ok(copied)
    }

    /// The number of objects in `place` and of the bytes in them.
    pub fn totals_of(&self, place: &Place) -> Result<(u64, u64), NoBucket> {
        self.in_bucket(&place.bucket, |objects| count(objects.iter().filter(|(key, _)| key.starts_with(&place.prefix))))
    }

    /// The number of objects below `prefix`, in all buckets, and of the bytes in them.
    pub fn totals(&self, prefix: &str) -> (u64, u64) {
        let buckets = self.buckets();
        let objects = buckets.values().flat_map(|bucket| &bucket.objects).filter(|(key, _)| key.starts_with(prefix));
        count(objects)
    }

    pub(super) fn list(&self, bucket: &str, asked: &Listing<'_>) -> Result<Page, NoBucket> {
        self.in_bucket(bucket, |objects| page(objects, asked))
    }
}

/// The number of objects and of the bytes in them.
fn count<'o>(objects: impl Iterator<Item = (&'o String, &'o Object)>) -> (u64, u64) {
    objects.fold((0, 0), |(count, bytes), (_, object)| (count + 1, bytes + object.body.len() as u64))
}

fn page(objects: &Objects, asked: &Listing<'_>) -> Page {
    let start = match asked.after {
        Some(after) if after >= asked.prefix => Bound::Excluded(after),
        _ => Bound::Included(asked.prefix),
    };
    let mut page = Page::default();
    let mut last = None;
    let below = objects.range::<str, _>((start, Bound::Unbounded));
    for (key, object) in below.take_while(|(key, _)| key.starts_with(asked.prefix)) {
        let group = group(key, asked);
        // The keys of a group stand together: one entry for all, and none after its own marker.
        if let Some(group) = group
            && (last == Some(group) || asked.after == Some(group))
        {
            continue;
        }
        if page.objects.len() + page.common_prefixes.len() == asked.max_keys {
            page.next = last.map(str::to_owned);
            break;
        }
        match group {
            Some(group) => page.common_prefixes.push(group.to_owned()),
            None => page.objects.push((key.clone(), object.clone())),
        }
        last = Some(group.unwrap_or(key));
    }
    page
}

/// The common prefix that a key is listed under, if it has the delimiter behind the prefix.
fn group<'k>(key: &'k str, asked: &Listing<'_>) -> Option<&'k str> {
    let delimiter = asked.delimiter.filter(|delimiter| !delimiter.is_empty())?;
    let found = key[asked.prefix.len()..].find(delimiter)?;
    Some(&key[..asked.prefix.len() + found + delimiter.len()])
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
