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
    let place = |prefix: &str| Place { bucket: "b".to_owned(), prefix: prefix.to_owned() };
    assert_eq!(store.copy(&place("p/"), &place("r/")), Ok(2));
    assert_eq!(store.get("b", "r/x").unwrap().unwrap().body, "body");
    assert_eq!((store.clear("p/"), store.clear("")), (2, 2));
    assert_eq!(store.totals(""), (0, 0));
}

#[test]
fn a_place_is_in_one_bucket() {
    let store = store(&["p/x", "q"]);
    store.create_bucket("c");
    let (b, c) = (Place::bucket("b"), Place::bucket("c"));
    let below = Place { prefix: "p/".to_owned(), ..c.clone() };
    assert_eq!(store.copy(&b, &c), Ok(2));
    assert_eq!(
        (store.totals_of(&b), store.totals_of(&c), store.totals_of(&below)),
        (Ok((2, 8)), Ok((2, 8)), Ok((1, 4)))
    );
    assert_eq!((store.clear_place(&below), store.totals_of(&c), store.totals_of(&b)), (Ok(1), Ok((1, 4)), Ok((2, 8))));
    let none = Place::bucket("none");
    assert_eq!((store.totals_of(&none), store.clear_place(&none)), (Err(NoBucket), Err(NoBucket)));
    assert_eq!((store.copy(&none, &b), store.copy(&b, &none)), (Err(NoBucket), Err(NoBucket)));
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
