//! What lies in the folder of a store, and what of it a plan lets leave.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;

use super::plan::{Limits, PlannedBody, PlannedEntry, plan};
use crate::cache::body_file::data_file_output;
use crate::cache::clock::modified_s;
use crate::cache::index::{Index, USE_EVERY_S};
use crate::cache::local::ARRIVAL_EVERY_S;
use crate::protocol::OutputId;

/// The bodies of a store.
pub struct Inventory {
    places: HashMap<OutputId, usize>,
    bodies: Vec<PlannedBody>,
    leaves: Vec<bool>,
}

impl Inventory {
    /// Lists the bodies in `folder`.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let mut inventory = Self { places: HashMap::new(), bodies: Vec::new(), leaves: Vec::new() };
        for file in std::fs::read_dir(folder)? {
            let file = file?;
            let Some(output) = data_file_output(&file.file_name()) else { continue };
            let found = match file.metadata() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                found => found?,
            };
            inventory.places.insert(output, inventory.bodies.len());
            let arrived_s = modified_s(&found).saturating_add(ARRIVAL_EVERY_S);
            inventory.bodies.push(PlannedBody { bytes: found.len(), arrived_s });
        }
        Ok(inventory)
    }

    /// Plans what leaves, and lets `index` forget it; returns how many entries that are. One without its body leaves too.
    pub fn apply(&mut self, index: &mut Index, limits: &Limits, now_s: i64) -> u64 {
        let mut leaving = HashSet::new();
        let mut actions = Vec::new();
        let mut entries = Vec::new();
        let mut arrivals = Vec::new();
        for (action, entry, used_s) in index.iter_used() {
            let Some(&body) = self.places.get(&entry.output) else {
                leaving.insert(*action);
                continue;
            };
            let arrived_s = self.bodies[body].arrived_s;
            if used_s.is_none() && arrived_s <= now_s {
                arrivals.push((*action, arrived_s));
            }
            let last_use_s = used_s.map_or(arrived_s, |used_s| used_s.saturating_add(USE_EVERY_S));
            actions.push(*action);
            entries.push(PlannedEntry { body, last_use_s });
        }
        let plan = plan(&self.bodies, &entries, limits, now_s);
        leaving.extend(actions.iter().zip(&plan.entries).filter(|(_, leaves)| **leaves).map(|(action, _)| *action));
        self.leaves = plan.bodies;
        // The body of a thousand others comes into the store again and again: from here on the entry has a time of its own.
        arrivals.iter().for_each(|(action, arrived_s)| index.set_used(action, *arrived_s));
        leaving.iter().for_each(|action| index.forget(action));
        leaving.len() as u64
    }

    /// The bodies that leave.
    pub fn leaving(&self) -> Vec<OutputId> {
        self.places.iter().filter(|(_, place)| self.leaves[**place]).map(|(output, _)| *output).collect()
    }

    /// How many bodies there are.
    pub fn count(&self) -> u64 {
        self.bodies.len() as u64
    }

    /// Bytes of all bodies.
    pub fn bytes(&self) -> u64 {
        self.bodies.iter().map(|body| body.bytes).sum()
    }
}
