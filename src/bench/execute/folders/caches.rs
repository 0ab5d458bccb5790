//! The caches that rounds leave for other rounds, and the folders that they lie in.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::sys::statvfs::statvfs;

use crate::execute::folders::tree;
use crate::execute::go::gocache;
use crate::scenario::cache_state::CacheState;
use crate::scenario::case::{CacheKind, Case, Seed};

/// With less free space than this what earlier rounds left is removed between the rounds.
const TIGHT_DISK_BYTES: f64 = 10.0 * 1024.0 * 1024.0 * 1024.0;

/// The caches that were filled so far, and their folders.
#[derive(Debug)]
pub struct Caches {
    /// Folder that holds them all.
    work: PathBuf,
    /// Only builds of the same kind can use them.
    filled: HashMap<CacheKind, Filled>,
    /// The GOCACHE of all runs with a backend: go wants one, and puts nothing into it. Making and removing its 256 folders
    /// for every round took longer than the rounds of a small scenario.
    unused_gocache: Option<PathBuf>,
    /// Seeds that the remote was filled with; the position is part of the prefix.
    seeds: Vec<Seed>,
    /// True if go has the flags for it; None until that is needed.
    pub go_shows_its_view: Option<bool>,
    made: u32,
    /// Folders that no round starts from any more.
    retired: Vec<PathBuf>,
}

/// The full caches of one kind of build.
#[derive(Debug, Default)]
pub struct Filled {
    /// A GOCACHE that a baseline filled.
    pub gocache: Option<PathBuf>,
    /// The local store of the last cold build, or of the last remote-hit that was in its state.
    pub local: Option<PathBuf>,
    /// True if the last cold build was in its state, so that the remote is full.
    pub remote_whole: bool,
}

impl Caches {
    /// Nothing filled yet; all will be below `work`.
    pub fn new(work: &Path) -> Self {
        Self {
            work: work.to_owned(),
            filled: HashMap::new(),
            unused_gocache: None,
            seeds: Vec::new(),
            go_shows_its_view: None,
            made: 0,
            retired: Vec::new(),
        }
    }

    /// The caches of one kind.
    pub fn filled(&mut self, kind: CacheKind) -> &mut Filled {
        self.filled.entry(kind).or_default()
    }

    /// The GOCACHE for a run of `state`. A case that lets it miss gets a copy, for this round alone.
    pub fn gocache_for(&mut self, state: CacheState, case: Option<&Case>) -> Result<PathBuf> {
        match state {
            CacheState::GoCold => self.make_gocache(),
            CacheState::GoWarm => {
                let full = self.filled(Case::cache_kind(state, case)).gocache.clone();
                let full = full.context("no baseline has filled a GOCACHE yet")?;
                if case.is_some_and(Case::may_miss) { self.copy_of(&full, "gocache") } else { Ok(full) }
            }
            CacheState::Cold | CacheState::RemoteHit | CacheState::LocalHit => {
                let folder = self.unused_gocache.clone().map_or_else(|| self.make_gocache(), Ok)?;
                self.unused_gocache = Some(folder.clone());
                Ok(folder)
            }
        }
    }

    /// The local store for a run of `state`. A case that lets it miss gets a copy, for this round alone.
    pub fn local_for(&mut self, state: CacheState, case: Option<&Case>) -> Result<PathBuf> {
        if state != CacheState::LocalHit {
            return self.fresh_folder("local");
        }
        let full = self.filled(Case::cache_kind(state, case)).local.clone();
        let full = full.context("no run has filled a local store yet")?;
        if case.is_some_and(Case::may_miss) { self.copy_of(&full, "local") } else { Ok(full) }
    }

    /// A fresh GOCACHE and a fresh local store, for a machine of a group alone.
    pub fn of_one_machine(&mut self) -> Result<(PathBuf, PathBuf)> {
        let (gocache, local) = (self.make_gocache()?, self.fresh_folder("local")?);
        self.retire(gocache.clone());
        self.retire(local.clone());
        Ok((gocache, local))
    }

    /// Lets others start from the local store of a round.
    pub fn keep_local(&mut self, kind: CacheKind, local: PathBuf) {
        let before = self.filled(kind).local.replace(local);
        self.retired.extend(before);
    }

    /// The prefix of a seed, and whether it was filled before.
    pub fn seed_prefix(&mut self, seed: &Seed) -> (String, bool) {
        let known = self.seeds.iter().position(|other| other == seed);
        let number = known.unwrap_or_else(|| {
            self.seeds.push(seed.clone());
            self.seeds.len() - 1
        });
        (format!("seed-{number}/"), known.is_some())
    }

    /// A folder that no round starts from any more once its round has ended.
    pub fn retire(&mut self, folder: PathBuf) {
        self.retired.push(folder);
    }

    /// True if no round starts from the folder any more.
    pub fn is_retired(&self, folder: &Path) -> bool {
        self.retired.iter().any(|retired| retired == folder)
    }

    /// Removes what earlier rounds left where the disk gets tight. Not before: ext4 creates files slowly for minutes after a
    /// thousand were removed, and the next round would be charged for it.
    pub fn make_room(&mut self) {
        let disk = statvfs(&self.work);
        if disk.is_ok_and(|disk| disk.blocks_available() as f64 * (disk.fragment_size() as f64) < TIGHT_DISK_BYTES) {
            self.remove_retired();
        }
    }

    fn remove_retired(&mut self) {
        for folder in self.retired.drain(..) {
            // What stays costs room until the end of the run, and nothing else.
            let _ = std::fs::remove_dir_all(folder);
        }
    }

    fn make_gocache(&mut self) -> Result<PathBuf> {
        let folder = self.fresh_folder("gocache")?;
        gocache::make(&folder).with_context(|| format!("cannot make a GOCACHE in {}", folder.display()))?;
        Ok(folder)
    }

    fn copy_of(&mut self, folder: &Path, kind: &str) -> Result<PathBuf> {
        let copy = self.fresh_folder(kind)?;
        tree::copy(folder, &copy).with_context(|| format!("cannot copy {}", folder.display()))?;
        self.retire(copy.clone());
        Ok(copy)
    }

    fn fresh_folder(&mut self, kind: &str) -> Result<PathBuf> {
        self.made += 1;
        let folder = self.work.join(kind).join(self.made.to_string());
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        Ok(folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::case::tests::case;

    #[test]
    fn a_build_that_may_miss_works_on_copies_that_go_away() {
        let work = tempfile::tempdir().unwrap();
        let mut caches = Caches::new(work.path());
        let full = caches.gocache_for(CacheState::GoCold, None).unwrap();
        std::fs::write(full.join("00/x-a"), "1").unwrap();
        caches.filled(CacheKind::default()).gocache = Some(full.clone());
        assert_eq!(caches.gocache_for(CacheState::GoWarm, None).unwrap(), full);
        let edit = case("name = \"x\"\nchange = \"edit-one-file\"");
        let copy = caches.gocache_for(CacheState::GoWarm, Some(&edit)).unwrap();
        assert_eq!(gocache::files(&copy).unwrap(), 1);
        caches.remove_retired();
        assert!(!copy.exists() && full.exists());
        let trim = case("name = \"x\"\ntrimpath = true");
        assert!(caches.gocache_for(CacheState::GoWarm, Some(&trim)).is_err(), "the plain one does not serve it");
    }

    #[test]
    fn cases_that_agree_share_a_seed() {
        let mut caches = Caches::new(Path::new("/w"));
        let seed = |text: &str| case(text).seed();
        let (near, far) = (seed("name = \"near\""), seed("name = \"far\"\nlink = { latency_ms = 90 }"));
        assert_eq!(caches.seed_prefix(&near), ("seed-0/".to_owned(), false));
        assert_eq!(caches.seed_prefix(&far), ("seed-0/".to_owned(), true));
        assert_eq!(caches.seed_prefix(&seed("name = \"x\"\nremote_share = 10")), ("seed-1/".to_owned(), false));
    }
}
