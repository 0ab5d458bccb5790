//! Checks all that the local store holds, for `cacheprog verify`.

use ring::digest::{Context, SHA256};
use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::cache::local::folder::names::{data_file_name, data_file_output};
use crate::cache::local::folder::store_folder::is_store;
use crate::cache::local::index::memory::Index;
use crate::protocol::OutputId;

/// The result of [`verify`].
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Actions in the index.
    pub actions: u64,
    /// Bodies whose content is what their name says.
    pub good: u64,
    /// Bytes of the good ones.
    pub good_bytes: u64,
    /// Bodies that cannot be read, or whose content is not what their name says.
    pub damaged: Vec<PathBuf>,
    /// Bytes of the index that are no record; what they held is a miss for the next build.
    pub damaged_index_bytes: u64,
    /// Bodies that an action names and that are not there: the next build takes them for misses.
    pub missing: Vec<PathBuf>,
}

/// Reads each body in `folder` and compares its SHA-256 with its name; each body that the index names has to be there
/// in its size.
///
/// # Errors
/// When `folder` is not a store or cannot be read.
pub fn verify(folder: &Path) -> io::Result<Report> {
    if !is_store(folder) {
        let text = format!("{} is not a store of cacheprog", folder.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, text));
    }
    let index = Index::open_to_read(folder);
    let mut report = Report { damaged_index_bytes: index.damaged_bytes(), ..Report::default() };
    let mut wanted: BTreeMap<OutputId, u64> = BTreeMap::new();
    for (_, entry) in index.iter() {
        report.actions += 1;
        wanted.insert(entry.output, entry.size_bytes);
    }
    for file in std::fs::read_dir(folder)? {
        let path = file?.path();
        let Some(output) = path.file_name().and_then(data_file_output) else { continue };
        match digest_of(&path) {
            Ok((digest, bytes)) if digest == output && wanted.get(&output).is_none_or(|size| *size == bytes) => {
                report.good += 1;
                report.good_bytes += bytes;
            }
            // A session was killed while it wrote it. The next put of it writes it anew.
            Ok((_, 0)) if !wanted.contains_key(&output) => {}
            // A file that cannot be read serves no build either.
            _ => report.damaged.push(path),
        }
        wanted.remove(&output);
    }
    if !wanted.is_empty() {
        // Trimming may have removed them meanwhile, and their entries before.
        let now = Index::open_to_read(folder);
        let named: HashSet<OutputId> = now.iter().map(|(_, entry)| entry.output).collect();
        wanted.retain(|output, _| named.contains(output));
    }
    report.missing = wanted.keys().map(|output| folder.join(data_file_name(output))).collect();
    report.damaged.sort();
    Ok(report)
}

/// SHA-256 and size in bytes of a file.
///
/// # Errors
/// When it cannot be read.
pub fn digest_of(path: &Path) -> io::Result<(OutputId, u64)> {
    let mut file = File::open(path)?;
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0; 256 << 10];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            let digest = context.finish();
            return Ok((OutputId::new(digest.as_ref().try_into().expect("SHA-256 has 32 bytes")), bytes));
        }
        context.update(&buffer[..read]);
        bytes += read as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::{Entry, LocalStore, Origin};
    use crate::protocol::ActionId;

    #[test]
    fn tells_good_damaged_and_missing_bodies_apart() {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalStore::open(folder.path());
        let mut paths = Vec::new();
        for n in 0..4u8 {
            let content = [n; 10];
            let digest = ring::digest::digest(&SHA256, &content);
            let output = OutputId::new(digest.as_ref().try_into().unwrap());
            let mut body = store.begin();
            body.write(&content);
            paths.push(store.keep_body(body, &output, 10).unwrap());
            store.keep_entry(ActionId::new([n; 32]), Entry { output, size_bytes: 10, time_ns: 0 }, Origin::PutHere);
        }
        std::fs::write(&paths[1], [9; 10]).unwrap();
        std::fs::write(&paths[2], [2; 9]).unwrap();
        std::fs::remove_file(&paths[3]).unwrap();
        let unfinished = folder.path().join(data_file_name(&OutputId::new([9; 32])));
        std::fs::write(unfinished, "").unwrap();
        let report = verify(folder.path()).unwrap();
        let mut damaged = vec![paths[1].clone(), paths[2].clone()];
        damaged.sort();
        let missing = vec![paths[3].clone()];
        let expected = Report { actions: 4, good: 1, good_bytes: 10, damaged, damaged_index_bytes: 0, missing };
        assert_eq!(report, expected);
    }

    #[test]
    fn a_folder_that_is_no_store_is_named_and_not_changed() {
        let folder = tempfile::tempdir().unwrap();
        let error = verify(folder.path()).unwrap_err().to_string();
        assert!(error.contains("is not a store of cacheprog"), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
