//! The objects, in memory, and the one order that S3 lists them in.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;

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
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoBucket;

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

    /// Copies everything below `from` to below `to`, in all buckets; returns how many objects that were.
    pub(crate) fn copy(&self, from: &str, to: &str) -> u64 {
        let mut copied = 0;
        for Bucket { objects, .. } in self.buckets().values_mut() {
            let below = objects.iter().filter_map(|(key, object)| {
                let rest = key.strip_prefix(from)?;
                Some((format!("{to}{rest}"), object.clone()))
            });
            let copies: Vec<_> = below.collect();
            copied += copies.len();
            objects.extend(copies);
        }
        copied as u64
    }

    /// The number of objects below `prefix` and of the bytes in them.
    pub(crate) fn totals(&self, prefix: &str) -> (u64, u64) {
        let buckets = self.buckets();
        let objects = buckets.values().flat_map(|bucket| &bucket.objects).filter(|(key, _)| key.starts_with(prefix));
        objects.fold((0, 0), |(count, bytes), (_, object)| (count + 1, bytes + object.body.len() as u64))
    }

    pub(super) fn list(&self, bucket: &str, asked: &Listing<'_>) -> Result<Page, NoBucket> {
        self.in_bucket(bucket, |objects| page(objects, asked))
    }
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
mod tests {
    use super::*;

    fn always(_: Option<&Object>) -> Result<(), NoBucket> {
        Ok(())
    }

    fn store(keys: &[&str]) -> Store {
        let store = Store::default();
        store.create_bucket("b");
        for key in keys {
            let object = Object::new(Bytes::from_static(b"body"), "e".to_owned(), Details::default());
            store.put("b", (*key).to_owned(), object, always).unwrap();
        }
        store
    }

    /// All pages of a listing, as the keys and common prefixes in the order they came.
    fn walk(store: &Store, prefix: &str, delimiter: Option<&str>, max_keys: usize) -> Vec<String> {
        let (mut seen, mut after) = (Vec::new(), None::<String>);
        loop {
            let page = store.list("b", &Listing { prefix, delimiter, after: after.as_deref(), max_keys });
            let page = page.unwrap();
            assert!(page.objects.len() + page.common_prefixes.len() <= max_keys);
            seen.extend(page.objects.into_iter().map(|(key, _)| key));
            seen.extend(page.common_prefixes);
            after = page.next;
            if after.is_none() {
                seen.sort();
                return seen;
            }
        }
    }

    #[test]
    fn every_page_size_lists_the_same() {
        let keys = ["a/1", "a/2", "a/b/3", "a/c/4", "a/c/5", "a/d", "b"];
        let store = store(&keys);
        for max_keys in 1..9 {
            assert_eq!(walk(&store, "", None, max_keys), keys);
            assert_eq!(walk(&store, "a/", None, max_keys), keys[..6]);
            let grouped = walk(&store, "a/", Some("/"), max_keys);
            assert_eq!(grouped, ["a/1", "a/2", "a/b/", "a/c/", "a/d"]);
            assert_eq!(walk(&store, "none", None, max_keys), [""; 0]);
        }
    }

    #[test]
    fn put_get_delete_clear() {
        let store = store(&["p/x", "p/y", "q"]);
        assert_eq!((store.totals(""), store.totals("p/")), ((3, 12), (2, 8)));
        assert_eq!(store.get("b", "q").unwrap().unwrap().body, "body");
        store.delete("b", "q", always).unwrap();
        assert!(store.get("b", "q").unwrap().is_none());
        assert_eq!(store.get("c", "q").unwrap_err(), NoBucket);
        assert_eq!(store.copy("p/", "r/"), 2);
        assert_eq!(store.get("b", "r/x").unwrap().unwrap().body, "body");
        assert_eq!((store.clear("p/"), store.clear("")), (2, 2));
        assert_eq!(store.totals(""), (0, 0));
    }

    #[test]
    fn a_check_sees_what_is_there_and_may_refuse() {
        let store = store(&["p"]);
        let other = || Object::new(Bytes::new(), "other".to_owned(), Details::default());
        let refuse = |current: Option<&Object>| {
            assert_eq!(current.map(|object| object.etag.as_str()), Some("e"));
            Err(NoBucket)
        };
        assert!(store.put("b", "p".to_owned(), other(), refuse).is_err());
        assert!(store.delete("b", "p", refuse).is_err());
        assert_eq!(store.get("b", "p").unwrap().unwrap().body, "body");
    }

    #[test]
    fn only_an_empty_bucket_is_deleted() {
        let store = store(&["p"]);
        assert_eq!(store.delete_bucket("b"), Ok(false));
        store.clear("");
        assert_eq!(store.delete_bucket("b"), Ok(true));
        assert_eq!(store.delete_bucket("b"), Err(NoBucket));
        assert!(store.bucket_names().is_empty());
    }
}
