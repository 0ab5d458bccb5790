//! Profiles in pprof's format: read back, merged, and drawn as flame graphs.
//! <https://github.com/google/pprof/blob/main/proto/profile.proto>

use std::collections::HashMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use anyhow::{Context, Result};
use inferno::flamegraph::{self, Options};
use pprof::protos::{Function, Line, Location, Message, Profile, Sample, ValueType};

/// Fewer samples than this tell nothing: each would be more than 5 % of the picture.
const LEAST_SAMPLES: i64 = 20;
/// Places of the values in a sample of a CPU profile.
const COUNT: usize = 0;
const NANOSECONDS: usize = 1;

/// A stack, outermost frame first, and the values of its sample.
pub type Stack<'a> = (Vec<&'a str>, &'a [i64]);

/// Reads a profile that is not compressed.
///
/// # Errors
/// When there is none, or it is none.
pub fn read(path: &Path) -> Result<Profile> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read the profile {}", path.display()))?;
    Profile::decode(bytes.as_slice()).with_context(|| format!("{} is not a profile in pprof's format", path.display()))
}

/// All stacks of a profile, by the names of the functions. A thread that a sample names stands as outermost frame.
pub fn stacks(profile: &Profile) -> Vec<Stack<'_>> {
    let text =
        |at: i64| usize::try_from(at).ok().and_then(|at| profile.string_table.get(at)).map_or("", String::as_str);
    let functions: HashMap<u64, &str> =
        profile.function.iter().map(|function| (function.id, text(function.name))).collect();
    let frames: HashMap<u64, Vec<&str>> = profile
        .location
        .iter()
        .map(|location| {
            let names = location.line.iter().map(|line| functions.get(&line.function_id).copied().unwrap_or_default());
            (location.id, names.collect())
        })
        .collect();
    // Locations begin with the innermost, and so do the lines of one into which others were inlined.
    let stack = |sample: &'_ Sample| {
        let names = sample.location_id.iter().filter_map(|id| frames.get(id)).flatten().copied();
        let thread = sample.label.iter().find(|label| text(label.key) == "thread").map(|label| text(label.str));
        let mut stack: Vec<&str> = names.chain(thread.and_then(thread_frame)).collect();
        stack.reverse();
        stack
    };
    profile.sample.iter().map(|sample| (stack(sample), sample.value.as_slice())).collect()
}

/// The frame of a thread, the same in any process: pprof-rs gives a number where it does not know the name, and a thread
/// without a name of its own has the program's.
fn thread_frame(name: &str) -> Option<&str> {
    match name {
        "bench" | "cacheprog" => Some("main"),
        _ if name.bytes().all(|byte| byte.is_ascii_digit()) => None,
        _ => Some(name),
    }
}

/// One profile that holds the samples of all; types and units are those of the first. `None` for no profile.
pub fn merge(profiles: &[Profile]) -> Option<Profile> {
    let first = profiles.first()?;
    let mut builder = Builder::default();
    for profile in profiles {
        for (stack, values) in stacks(profile) {
            builder.add(&stack, values);
        }
    }
    let text = |at: i64| first.string_table.get(at as usize).map_or("", String::as_str);
    let kinds: Vec<_> = first.sample_type.iter().map(|kind| (text(kind.ty), text(kind.unit))).collect();
    let mut merged = builder.finish(&kinds);
    merged.period_type = merged.sample_type.last().cloned();
    merged.period = first.period;
    merged.time_nanos = profiles.iter().map(|profile| profile.time_nanos).min().unwrap_or(0);
    merged.duration_nanos = profiles.iter().map(|profile| profile.duration_nanos).sum();
    let comments = profiles.iter().flat_map(|profile| {
        profile.comment.iter().filter_map(|at| profile.string_table.get(usize::try_from(*at).ok()?).cloned())
    });
    for comment in comments {
        merged.comment.push(merged.string_table.len() as i64);
        merged.string_table.push(comment);
    }
    Some(merged)
}

/// A profile that is being put together. A location stands for one function.
pub struct Builder {
    strings: Vec<String>,
    string_ids: HashMap<String, i64>,
    functions: Vec<Function>,
    locations: Vec<Location>,
    location_ids: HashMap<String, u64>,
    samples: HashMap<Vec<u64>, Vec<i64>>,
}

impl Default for Builder {
    /// The first string is empty.
    fn default() -> Self {
        Self {
            strings: vec![String::new()],
            string_ids: HashMap::from([(String::new(), 0)]),
            functions: Vec::new(),
            locations: Vec::new(),
            location_ids: HashMap::new(),
            samples: HashMap::new(),
        }
    }
}

impl Builder {
    /// Adds the values of a stack, outermost frame first, to those that it has.
    pub fn add(&mut self, stack: &[&str], values: &[i64]) {
        let ids: Vec<u64> = stack.iter().rev().map(|name| self.location(name)).collect();
        let sums = self.samples.entry(ids).or_insert_with(|| vec![0; values.len()]);
        sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
    }

    /// The profile; `kinds` are type and unit of each value.
    pub fn finish(mut self, kinds: &[(&str, &str)]) -> Profile {
        let sample_type = kinds.iter().map(|(ty, unit)| ValueType { ty: self.string(ty), unit: self.string(unit) });
        let sample_type = sample_type.collect();
        let samples = self.samples.into_iter();
        Profile {
            sample_type,
            sample: samples.map(|(location_id, value)| Sample { location_id, value, ..Default::default() }).collect(),
            location: self.locations,
            function: self.functions,
            string_table: self.strings,
            ..Default::default()
        }
    }

    fn string(&mut self, text: &str) -> i64 {
        if let Some(id) = self.string_ids.get(text) {
            return *id;
        }
        let id = self.strings.len() as i64;
        self.strings.push(text.to_owned());
        self.string_ids.insert(text.to_owned(), id);
        id
    }

    fn location(&mut self, name: &str) -> u64 {
        if let Some(id) = self.location_ids.get(name) {
            return *id;
        }
        let id = self.locations.len() as u64 + 1;
        let text = self.string(name);
        // Without a system name: pprof takes one that is the same for a mangled name, and cuts away what stands in <>.
        self.functions.push(Function { id, name: text, ..Default::default() });
        let line = vec![Line { function_id: id, ..Default::default() }];
        self.locations.push(Location { id, line, ..Default::default() });
        self.location_ids.insert(name.to_owned(), id);
        id
    }
}

/// A line `outermost;…;innermost value` for each stack, as flame graphs want it.
pub fn folded(profile: &Profile, value: usize) -> Vec<String> {
    let line = |(stack, values): Stack<'_>| {
        let value = *values.get(value)?;
        // These two have a meaning in the format.
        let frames: Vec<String> = stack.iter().map(|frame| frame.replace([';', ' '], "_")).collect();
        (value > 0).then(|| format!("{} {value}", frames.join(";")))
    };
    stacks(profile).into_iter().filter_map(line).collect()
}

/// Samples and CPU time of a CPU profile.
fn totals(profile: &Profile) -> (i64, i64) {
    let sum = |at: usize| profile.sample.iter().filter_map(|sample| sample.value.get(at)).sum();
    (sum(COUNT), sum(NANOSECONDS))
}

/// Writes `cpu.pprof` into a folder, and `cpu.svg` beside it; of a profile that is too small for a picture, `cpu.txt` says
/// so instead. Nothing for one without samples but that text. Gives the number of samples.
///
/// # Errors
/// When the folder cannot be written to.
pub fn write_cpu(profile: &Profile, folder: &Path) -> Result<i64> {
    let (samples, cpu_ns) = totals(profile);
    let seconds = cpu_ns as f64 / 1e9;
    if samples > 0 {
        std::fs::write(folder.join("cpu.pprof"), profile.encode_to_vec())?;
    }
    if samples < LEAST_SAMPLES {
        let text = match samples {
            0 => "No cpu.pprof and no cpu.svg: there was no sample. A longer build gives some.\n".to_owned(),
            _ => format!(
                "No cpu.svg: a picture takes {LEAST_SAMPLES} samples, and there are {samples}. A longer build gives more.\n"
            ),
        };
        std::fs::write(folder.join("cpu.txt"), text)?;
        return Ok(samples);
    }
    let mut options = Options::default();
    options.title = "CPU of the backend".to_owned();
    options.subtitle = Some(format!("{samples} samples, {seconds:.3} s of CPU time"));
    let lines = folded(profile, COUNT);
    let out = BufWriter::new(File::create(folder.join("cpu.svg"))?);
    flamegraph::from_lines(&mut options, lines.iter().map(String::as_str), out)?;
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A profile of `names` below `main`, with its samples.
    fn profile(names: &[(&str, i64)]) -> Profile {
        let mut builder = Builder::default();
        for (name, count) in names {
            builder.add(&["main", name], &[*count, count * 10]);
        }
        Profile {
            time_nanos: 5,
            duration_nanos: 100,
            ..builder.finish(&[("samples", "count"), ("cpu", "nanoseconds")])
        }
    }

    #[test]
    fn merging_adds_the_samples_of_a_stack() {
        let merged = merge(&[profile(&[("read", 3), ("hash", 1)]), profile(&[("read", 4)])]).unwrap();
        let mut lines = folded(&merged, COUNT);
        lines.sort();
        assert_eq!(lines, ["main;hash 1", "main;read 7"]);
        assert_eq!((totals(&merged), merged.duration_nanos), ((8, 80), 200));
        assert_eq!(merged.string_table[merged.sample_type[0].ty as usize], "samples");
        assert!(merge(&[]).is_none());
    }

    #[test]
    fn a_merged_profile_keeps_whole_names_and_the_comments_of_its_parts() {
        let mut one = profile(&[("<Chars as Iterator>::next", 3)]);
        one.comment.push(one.string_table.len() as i64);
        one.string_table.push("3 samples".to_owned());
        let merged = merge(&[one]).unwrap();
        let text = |at: i64| merged.string_table[at as usize].as_str();
        let function = merged.function.iter().find(|function| text(function.name).starts_with('<')).unwrap();
        assert_eq!((text(function.system_name), text(merged.comment[0])), ("", "3 samples"));
    }

    #[test]
    fn a_thread_that_a_sample_names_is_the_outermost_frame() {
        let mut profile = profile(&[("read", 3)]);
        let [key, str] = ["thread", "uploader"].map(|text| {
            profile.string_table.push(text.to_owned());
            profile.string_table.len() as i64 - 1
        });
        profile.sample[0].label.push(pprof::protos::Label { key, str, ..Default::default() });
        assert_eq!(folded(&profile, COUNT), ["uploader;main;read 3"]);
        let merged = merge(&[profile]).unwrap();
        assert_eq!(folded(&merged, COUNT), ["uploader;main;read 3"], "merging keeps it");
    }

    #[test]
    fn a_profile_of_few_samples_has_a_text_in_the_place_of_the_picture() {
        let folder = tempfile::tempdir().unwrap();
        let exists = |name: &str| folder.path().join(name).exists();
        assert_eq!(write_cpu(&profile(&[("read", 3)]), folder.path()).unwrap(), 3);
        assert_eq!(["cpu.pprof", "cpu.svg", "cpu.txt"].map(exists), [true, false, true]);
        let text = std::fs::read_to_string(folder.path().join("cpu.txt")).unwrap();
        assert!(text.starts_with("No cpu.svg:") && text.contains("there are 3"), "{text}");
        assert_eq!(write_cpu(&profile(&[("read", 30)]), folder.path()).unwrap(), 30);
        assert!(exists("cpu.svg"));
    }
}
