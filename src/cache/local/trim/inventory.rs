//! The bodies in the folder of a store, and those that leave by a plan.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use crate::cache::local::folder::names::data_file_output;
use crate::cache::local::index::entry::USE_EVERY_S;
use crate::cache::local::index::known::put_s;
use crate::cache::local::index::memory::Index;
use crate::cache::local::trim::leaving::Leaving;
use crate::cache::local::trim::plan::{ARRIVAL_EVERY_S, Limits, PlannedBody, PlannedEntry, plan};
use crate::platform::clock::modified_s;
use crate::protocol::OutputId;

/// The bodies of a store.
pub struct Inventory {
    places: HashMap<OutputId, usize>,
    bodies: Vec<PlannedBody>,
}

impl Inventory {
    /// Lists the bodies in `folder`.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let mut inventory = Self { places: HashMap::new(), bodies: Vec::new() };
        for file in std::fs::read_dir(folder)? {
            let file = file?;
            let Some(output) = data_file_output(&file.file_name()) else { continue };
            let found = match file.metadata() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                found => found?,
            };
            if !found.is_file() {
                continue;
            }
            inventory.places.insert(output, inventory.bodies.len());
            let arrived_s = modified_s(&found).saturating_add(ARRIVAL_EVERY_S);
            inventory.bodies.push(PlannedBody { bytes: found.len(), arrived_s });
        }
        Ok(inventory)
    }

    /// Plans what leaves, and lets `index` forget it. An entry without its body leaves too.
    pub fn apply(&mut self, index: &mut Index, limits: &Limits, now_s: i64) -> Leaving {
        let mut leaving = Leaving::default();
        let mut named = Vec::new();
        let mut planned = Vec::new();
        let mut arrivals = Vec::new();
        for (action, entry, used_s) in index.iter_used() {
            let Some(&body) = self.places.get(&entry.output) else {
                leaving.add_entry(*action, *entry);
                continue;
            };
            let arrived_s = put_s(entry, now_s).unwrap_or(i64::MIN).max(self.bodies[body].arrived_s);
            if used_s.is_none() && arrived_s <= now_s {
                arrivals.push((*action, arrived_s));
            }
            named.push((*action, *entry));
            planned.push(PlannedEntry { body, last_use_s: used_s.unwrap_or(arrived_s).saturating_add(USE_EVERY_S) });
        }
        let plan = plan(&self.bodies, &planned, limits, now_s);
        for ((action, entry), leaves) in named.into_iter().zip(&plan.entries) {
            if *leaves {
                leaving.add_entry(action, entry);
            }
        }
        for (output, place) in &self.places {
            if plan.bodies[*place] {
                leaving.add_body(*output);
            }
        }
        // The body of a thousand others comes into the store again and again: from here on the entry has a time of its own.
        arrivals.iter().for_each(|(action, arrived_s)| index.set_used(action, *arrived_s));
        leaving.actions().for_each(|action| index.forget(action));
        leaving
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
