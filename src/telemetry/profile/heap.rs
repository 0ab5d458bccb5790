//! The heap profile: `pprof/mem.pprof` and `pprof/mem.svg`, from jemalloc's profiler. What is held is that of the peak.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;

use anyhow::{Context, Result};
use inferno::flamegraph::{self, Options};
use pprof::protos::{Message, Profile};

use crate::note::note;
use crate::platform::heap;
use crate::telemetry::folder::session_folder::SessionFolder;
use crate::telemetry::model::clock::Clock;
use crate::telemetry::profile::heap_dump;
use crate::telemetry::profile::heap_dump::{Amount, HeapStack};
use crate::telemetry::profile::pprof_file::{Builder, folded};

/// Values of a sample, as Go's own heap profiles name them.
const KINDS: [(&str, &str); 4] =
    [("alloc_objects", "count"), ("alloc_space", "bytes"), ("inuse_objects", "count"), ("inuse_space", "bytes")];
/// Places of the bytes among them.
const ALLOCATED: usize = 1;
const IN_USE: usize = 3;
/// A new dump is taken when so much more is held than in the last, as a share: each one takes milliseconds.
const GROWTH: f64 = 0.05;

/// A profile that is being taken.
pub struct HeapProfile {
    dump: PathBuf,
    peak: String,
    peak_bytes: u64,
}

impl HeapProfile {
    /// A profile of this session. `None` when the process runs without the profiler.
    pub fn start(folder: &SessionFolder) -> Option<Self> {
        let profile = || Self { dump: folder.file("pprof/heap.tmp"), peak: String::new(), peak_bytes: 0 };
        heap::is_profiled().then(profile)
    }

    /// Keeps what is held now, if that is more than ever.
    pub fn look(&mut self) {
        let Some(bytes) = heap::heap_in_use_bytes() else { return };
        if bytes as f64 >= self.peak_bytes as f64 * (1.0 + GROWTH)
            && let Ok(dump) = self.take()
        {
            (self.peak, self.peak_bytes) = (dump, bytes);
        }
    }

    fn take(&self) -> Result<String> {
        heap::dump(&self.dump)?;
        let text = std::fs::read_to_string(&self.dump);
        let _ = std::fs::remove_file(&self.dump);
        text.context("the allocator wrote no dump")
    }

    /// Writes the files; what goes wrong is told in one line.
    pub fn finish(mut self, folder: &SessionFolder, clock: &Clock) {
        self.look();
        if let Err(error) = self.write(folder, clock) {
            note(format_args!("no heap profile: {error:#}"));
        }
    }

    fn write(&self, folder: &SessionFolder, clock: &Clock) -> Result<()> {
        let parse =
            |text: &str| heap_dump::parse(text).map_err(|what| anyhow::anyhow!("a heap dump cannot be read: {what}"));
        let (peak, all) = (parse(&self.peak)?, parse(&self.take()?)?);
        let mut profile = profile(&peak, &all, &mut Names::default());
        profile.default_sample_type = profile.sample_type[IN_USE].ty;
        profile.time_nanos = clock.start_unix_ns() as i64;
        profile.duration_nanos = clock.now_ns() as i64;
        std::fs::write(folder.file("pprof/mem.pprof"), profile.encode_to_vec())?;
        let held = format!(
            "Held at the peak: {:.1} MB by the allocator, of which a sample saw this",
            self.peak_bytes as f64 / 1e6
        );
        draw(&profile, IN_USE, &held, &folder.file("pprof/mem.svg"))?;
        draw(&profile, ALLOCATED, "All allocations, freed or not", &folder.file("pprof/mem-alloc.svg"))
    }
}

/// One profile of what was held at the peak, and of all that was allocated until the end.
fn profile(peak: &[HeapStack], all: &[HeapStack], names: &mut Names) -> Profile {
    let mut builder = Builder::default();
    let values = |amount: Amount| [amount.objects.round() as i64, amount.bytes.round() as i64];
    for stack in all {
        let [objects, bytes] = values(stack.allocated);
        builder.add(&names.of(&stack.addresses), &[objects, bytes, 0, 0]);
    }
    for stack in peak {
        let [objects, bytes] = values(stack.in_use);
        builder.add(&names.of(&stack.addresses), &[0, 0, objects, bytes]);
    }
    builder.finish(&KINDS)
}

fn draw(profile: &Profile, value: usize, title: &str, path: &std::path::Path) -> Result<()> {
    let lines = folded(profile, value);
    if lines.is_empty() {
        return Ok(());
    }
    let mut options = Options::default();
    options.title = format!("Heap of the backend. {title}");
    options.count_name = "bytes".to_owned();
    let out = BufWriter::new(File::create(path)?);
    flamegraph::from_lines(&mut options, lines.iter().map(String::as_str), out)?;
    Ok(())
}

/// Names of functions by address; several where some were inlined, innermost first.
#[derive(Default)]
struct Names(HashMap<usize, Vec<String>>);

impl Names {
    /// A stack, outermost first, without the allocator's own frames.
    fn of(&mut self, addresses: &[usize]) -> Vec<&str> {
        for address in addresses {
            self.0.entry(*address).or_insert_with(|| resolve(*address));
        }
        let frames: Vec<&str> = addresses.iter().flat_map(|address| &self.0[address]).map(String::as_str).collect();
        let of_allocator = frames.iter().position(|name| !is_allocator(name)).unwrap_or(0);
        frames[of_allocator..].iter().rev().copied().collect()
    }
}

/// True if a function is jemalloc's, or one of the wrappers between it and who wants memory.
fn is_allocator(name: &str) -> bool {
    const WRAPPERS: [&str; 9] = [
        "alloc",
        "realloc",
        "alloc_zeroed",
        "alloc_impl",
        "alloc_impl_runtime",
        "allocate",
        "allocate_zeroed",
        "exchange_malloc",
        "realloc_impl_runtime",
    ];
    let last = name.rsplit("::").next().unwrap_or(name);
    let of_jemalloc =
        ["_rjem_", "prof_", "imalloc", "ialloc", "iralloc", "iallocz"].iter().any(|part| name.starts_with(part));
    of_jemalloc || last.starts_with("__rust_") || last.starts_with("__rg_") || WRAPPERS.contains(&last)
}

/// A return address lies behind the call.
fn resolve(address: usize) -> Vec<String> {
    let mut names = Vec::new();
    backtrace::resolve((address.saturating_sub(1)) as *mut _, |symbol| {
        names.extend(symbol.name().map(|name| format!("{name:#}")));
    });
    if names.is_empty() {
        names.push(format!("{address:#x}"));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn held_and_allocated_lie_in_one_profile() {
        let amount = |bytes| Amount { objects: 1.0, bytes };
        let stack = |in_use, allocated| HeapStack {
            addresses: vec![1, 2],
            in_use: amount(in_use),
            allocated: amount(allocated),
        };
        let mut names = Names(HashMap::from([
            (1, vec!["_rjem_malloc".to_owned(), "alloc::alloc::alloc".to_owned(), "finish_grow".to_owned()]),
            (2, vec!["read".to_owned()]),
        ]));
        let profile = profile(&[stack(10.0, 30.0)], &[stack(0.0, 70.0)], &mut names);
        assert_eq!(folded(&profile, IN_USE), ["read;finish_grow 10"]);
        assert_eq!(folded(&profile, ALLOCATED), ["read;finish_grow 70"]);
    }
}
