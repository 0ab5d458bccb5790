//! Which objects of a bucket are ours to delete, and their removal.

use std::time::Duration;

use crate::cache::pack::format::keys::is_pack_key;
use crate::cache::remote::s3_client::client::{ListedObject, S3Client};
use crate::cache::remote::s3_client::delete::Deleted;
use crate::cache::remote::s3_client::error::S3Error;

/// How often [`remove_all`] goes on after a failure, so that one lost packet does not end it.
const TRIES: u32 = 3;
/// How often it lists again what should be gone.
const PASSES: u32 = 10;
const PAUSE: Duration = Duration::from_secs(1);
/// Keys that one call deletes, so that progress shows in between.
const STEP: usize = 1000;
/// An ActionID or OutputID: 32 bytes in padded base64.
const ID_LENGTH: usize = 44;

/// The objects of a bucket below the configured prefix.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct BucketContents {
    /// Objects that [`remove`] may delete: everything below a prefix, else what has a key of the workshop's or a pack's.
    pub ours: Vec<ListedObject>,
    /// How many objects are left alone.
    pub others: u64,
}

impl BucketContents {
    /// The bytes of the objects that are ours.
    pub fn bytes(&self) -> u64 {
        self.ours.iter().map(|object| object.size_bytes).sum()
    }
}

/// Lists what there is to delete. Without a configured prefix the bucket may belong to others as
/// well, so there only keys of the workshop's two forms and of packs and manifests count.
///
/// # Errors
/// See [`S3Error`].
pub async fn find(client: &S3Client) -> Result<BucketContents, S3Error> {
    let everything = !client.prefix().is_empty();
    let mut found = BucketContents::default();
    let mut sort = |page: Vec<ListedObject>| {
        for object in page {
            if everything || is_workshop_key(&object.key) || is_pack_key(&object.key) {
                found.ours.push(object);
            } else {
                found.others += 1;
            }
        }
    };
    client.list("", &mut sort).await?;
    Ok(found)
}

/// Deletes as many of the given objects as it can, and tells `progress` how many are gone so far.
pub async fn remove(client: &S3Client, objects: &[ListedObject], mut progress: impl FnMut(u64)) -> Deleted {
    let mut deleted = Deleted::default();
    for step in objects.chunks(STEP) {
        let keys = step.iter().filter_map(|object| object.key.strip_prefix(client.prefix()));
        let keys: Vec<String> = keys.map(str::to_owned).collect();
        let of_step = client.delete_most(&keys).await;
        deleted.objects += of_step.objects;
        deleted.failure = deleted.failure.or(of_step.failure);
        progress(deleted.objects);
        if deleted.failure.is_some() && of_step.objects == 0 {
            break;
        }
    }
    deleted
}

/// Deletes everything below the client's configured prefix, and lists again until nothing is left there; returns how many
/// objects that were. A failure is tried again twice.
///
/// # Errors
/// [`S3Error::Other`] when there is no prefix: that would be the whole bucket. The third failure.
pub async fn remove_all(client: &S3Client) -> Result<u64, S3Error> {
    if client.prefix().is_empty() {
        return Err(cannot("the prefix is empty, which would mean the whole bucket"));
    }
    let (mut deleted, mut failures) = (0, 0);
    for _ in 0..PASSES {
        match remove_found(client).await {
            Ok(0) => return Ok(deleted),
            Ok(more) => deleted += more,
            Err(error) => {
                failures += 1;
                if failures == TRIES {
                    return Err(error);
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    Err(cannot("objects are listed again and again after they were deleted"))
}

async fn remove_found(client: &S3Client) -> Result<u64, S3Error> {
    let found = find(client).await?;
    let deleted = remove(client, &found.ours, |_| ()).await;
    match deleted.failure {
        None => Ok(deleted.objects),
        Some(error) => Err(error),
    }
}

fn cannot(reason: &str) -> S3Error {
    S3Error::Other { tried: "DELETE of everything below a prefix".to_owned(), reason: reason.to_owned() }
}

/// True if a key is `<OutputID>-d` or `<ActionID>-a.json`, with `/` in the ID written as `-`.
pub fn is_workshop_key(key: &str) -> bool {
    let id = key.strip_suffix("-d").or_else(|| key.strip_suffix("-a.json"));
    id.and_then(|id| id.strip_suffix('=')).is_some_and(|digits| {
        let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-');
        digits.len() == ID_LENGTH - 1 && digits.bytes().all(is_digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_two_forms_of_the_workshop_are_ours() {
        let id = "47DEQpj8HBSa+-TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        assert!(is_workshop_key(&format!("{id}-d")));
        assert!(is_workshop_key(&format!("{id}-a.json")));
        assert!(is_pack_key("packs-v1/00ff") && is_pack_key("manifests-v1/1"));
        for other in [
            String::new(),
            "-d".to_owned(),
            id.to_owned(),
            format!("{id}-a"),
            format!("{id}-d.bak"),
            format!("x{id}-d"),
            format!("{}-d", &id[1..]),
            format!("folder/{id}-d"),
            format!("{}-d", id.replace('+', "/")),
            format!("{}-d", id.replace('=', "A")),
        ] {
            assert!(!is_workshop_key(&other) && !is_pack_key(&other), "{other}");
        }
    }
}
