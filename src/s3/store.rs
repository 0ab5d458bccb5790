//! The objects, in memory, and the one order that S3 lists them in.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;

/// One stored object. Cloning shares the body.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) body: Bytes,
    pub(super) etag: String,
    pub(super) modified: SystemTime,
}

/// There is no bucket of that name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoBucket;

/// What a listing asks for.
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

type Bucket = BTreeMap<String, Object>;

#[derive(Default)]
pub(super) struct Store {
    buckets: Mutex<HashMap<String, Bucket>>,
    written: AtomicU64,
}

impl Store {
    fn buckets(&self) -> MutexGuard<'_, HashMap<String, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn in_bucket<T>(&self, name: &str, f: impl FnOnce(&mut Bucket) -> T) -> Result<T, NoBucket> {
        self.buckets().get_mut(name).map(f).ok_or(NoBucket)
    }

    pub(super) fn create_bucket(&self, name: &str) {
        self.buckets().entry(name.to_owned()).or_default();
    }

    pub(super) fn bucket_names(&self) -> Vec<String> {
        self.buckets().keys().cloned().collect()
    }

    pub(super) fn has_bucket(&self, name: &str) -> Result<(), NoBucket> {
        self.in_bucket(name, |_| ())
    }

    pub(super) fn get(&self, bucket: &str, key: &str) -> Result<Option<Object>, NoBucket> {
        self.in_bucket(bucket, |objects| objects.get(key).cloned())
    }

    /// Returns the ETag. It counts writes instead of hashing the body; the `-1` marks it as one
    /// that is no MD5, so that no client compares it with one.
    pub(super) fn put(&self, bucket: &str, key: String, body: Bytes) -> Result<String, NoBucket> {
        let etag = self.new_etag();
        let object = Object { body, etag: etag.clone(), modified: SystemTime::now() };
        self.in_bucket(bucket, |objects| objects.insert(key, object))?;
        Ok(etag)
    }

    pub(super) fn new_etag(&self) -> String {
        format!("{:032x}-1", self.written.fetch_add(1, Ordering::Relaxed))
    }

    pub(super) fn delete(&self, bucket: &str, key: &str) -> Result<(), NoBucket> {
        self.in_bucket(bucket, |objects| objects.remove(key)).map(drop)
    }

    /// Removes everything below `prefix`, in all buckets; returns how many objects that were.
    pub(super) fn clear(&self, prefix: &str) -> u64 {
        let mut deleted = 0;
        for objects in self.buckets().values_mut() {
            let before = objects.len();
            objects.retain(|key, _| !key.starts_with(prefix));
            deleted += before - objects.len();
        }
        deleted as u64
    }

    /// Copies everything below `from` to below `to`, in all buckets; returns how many objects that were.
    pub(super) fn copy(&self, from: &str, to: &str) -> u64 {
        let mut copied = 0;
        for objects in self.buckets().values_mut() {
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
    pub(super) fn totals(&self, prefix: &str) -> (u64, u64) {
        let buckets = self.buckets();
        let objects = buckets.values().flatten().filter(|(key, _)| key.starts_with(prefix));
        objects.fold((0, 0), |(count, bytes), (_, object)| (count + 1, bytes + object.body.len() as u64))
    }

    pub(super) fn list(&self, bucket: &str, asked: &Listing<'_>) -> Result<Page, NoBucket> {
        self.in_bucket(bucket, |objects| page(objects, asked))
    }
}

fn page(objects: &Bucket, asked: &Listing<'_>) -> Page {
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

    fn store(keys: &[&str]) -> Store {
        let store = Store::default();
        store.create_bucket("b");
        for key in keys {
            let body = Bytes::from_static(b"body");
            store.put("b", (*key).to_owned(), body).unwrap();
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
        store.delete("b", "q").unwrap();
        assert!(store.get("b", "q").unwrap().is_none());
        assert_eq!(store.get("c", "q").unwrap_err(), NoBucket);
        assert_eq!(store.copy("p/", "r/"), 2);
        assert_eq!(store.get("b", "r/x").unwrap().unwrap().body, "body");
        assert_eq!((store.clear("p/"), store.clear("")), (2, 2));
        assert_eq!(store.totals(""), (0, 0));
    }
}
