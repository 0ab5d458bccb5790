//! `bench diff A B`: what grew and what shrank between two profiles, as flame graphs in both directions.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use inferno::differential;
use inferno::flamegraph::{self, Options};
use pprof::protos::Profile;

use crate::stdout;
use crate::telemetry::profile::pprof_file;

/// Profiles of a folder, the one to take first.
const PROFILES: [&str; 2] = ["cpu.pprof", "fg.prof"];
/// All that a run leaves.
const KINDS: [&str; 3] = ["cpu.pprof", "fg.prof", "mem.pprof"];
/// Where they lie: a state has a CPU profile of its own, and the others in its rounds.
const PLACES: [&str; 3] = ["pprof", "", "1/pprof"];

/// What to compare.
#[derive(Debug, clap::Args)]
pub struct DiffArgs {
    /// The profile before: a file, or a folder of a run (metrics/latest/c), of which the CPU profile is taken where both
    /// have one, else the wall-clock profile
    before: PathBuf,
    /// The profile after
    after: PathBuf,
    /// Which profile of a folder: its file name, such as fg.prof
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Compare shares of the whole instead of times: for builds of different sizes
    #[arg(long)]
    normalize: bool,
    /// Folder for the two pictures, made if it is missing
    #[arg(long, value_name = "DIR", default_value = "metrics/diff")]
    out: PathBuf,
}

/// Draws `grown.svg` (shaped as B) and `shrunk.svg` (shaped as A, so that what is gone is seen too), and prints their paths.
///
/// # Errors
/// When a profile cannot be read, the two hold different things, or the pictures cannot be written.
pub fn run(args: &DiffArgs) -> Result<()> {
    let (before, after) = find_both(&args.before, &args.after, args.profile.as_deref())?;
    let (one, two) = (pprof_file::read(&before)?, pprof_file::read(&after)?);
    let measure = same_measure(&one, &two)
        .with_context(|| format!("cannot compare {} with {}", before.display(), after.display()))?;
    let (old, new) = (folded(&one, &measure), folded(&two, &measure));
    let title = |words: &str| format!("{words}, from {} to {}", before.display(), after.display());
    let (grown, shrunk) = (args.out.join("grown.svg"), args.out.join("shrunk.svg"));
    let draw = |before: &str, after: &str, negate, words: &str| {
        draw(args.normalize, before, after, negate, (&title(words), measure.unit))
    };
    // Both before the folder: what cannot be drawn leaves nothing behind.
    let pictures = [
        (&grown, draw(&old, &new, false, "Shaped as it is after")?),
        (&shrunk, draw(&new, &old, true, "Shaped as it was before")?),
    ];
    std::fs::create_dir_all(&args.out).with_context(|| format!("cannot make the folder {}", args.out.display()))?;
    for (path, picture) in pictures {
        std::fs::write(path, picture).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let line = |path: &Path, shape: &Path| {
        format!("{}  red grew, blue shrank; shaped as {}\n", path.display(), shape.display())
    };
    let words = "The second percentage of a frame is the change of its own time, without what it calls, of the whole.";
    stdout::print(&format!("{}{}{words}\n", line(&grown, &after), line(&shrunk, &before)))
}

/// Two profiles of one name.
fn find_both(before: &Path, after: &Path, name: Option<&str>) -> Result<(PathBuf, PathBuf)> {
    const NEXT: &str = "next:  give two files, or two folders such as metrics/latest/c/1";
    if let Some(missing) = [before, after].into_iter().find(|path| !path.exists()) {
        bail!("there is no {}\n  {NEXT}", missing.display());
    }
    let own = [before, after].into_iter().filter(|path| path.is_file()).find_map(|path| path.file_name()?.to_str());
    // A file of any other name may hold any kind.
    let own = own.filter(|own| KINDS.contains(own));
    let names = name.or(own).map_or(PROFILES.to_vec(), |name| vec![name]);
    let found = names.iter().find_map(|name| find(before, name).zip(find(after, name)));
    let Some(found) = found else {
        let has_any = |path| names.iter().any(|name| find(path, name).is_some());
        let lacks = if has_any(before) { after } else { before };
        bail!(
            "{} has no {} that the other has too\n  {NEXT} \
             (a cpu.txt there says why there is no CPU profile)",
            lacks.display(),
            names.join(" or ")
        )
    };
    Ok(found)
}

/// The file itself, or that of a name in a folder.
fn find(path: &Path, name: &str) -> Option<PathBuf> {
    if !path.is_dir() {
        return path.is_file().then(|| path.to_owned());
    }
    PLACES.iter().map(|place| path.join(place).join(name)).find(|path| path.is_file())
}

/// What of the samples is compared.
struct Measure {
    /// Its place among the values.
    value: usize,
    /// What a count of the picture stands for, and how many of the profile's units that is.
    unit: &'static str,
    divisor: u64,
}

/// Kinds of values by which profiles are compared, the first that there is. Nanoseconds are too many to read.
const MEASURES: [(&str, &str, u64); 3] = [("cpu", "µs", 1000), ("wall", "µs", 1000), ("inuse_space", "bytes", 1)];

/// The measure that both have.
fn same_measure(one: &Profile, two: &Profile) -> Result<Measure> {
    let kinds = |profile: &Profile| -> Vec<String> {
        let text = |at: i64| profile.string_table.get(at as usize).cloned().unwrap_or_default();
        profile.sample_type.iter().map(|kind| text(kind.ty)).collect()
    };
    let (one, two) = (kinds(one), kinds(two));
    let found = MEASURES.into_iter().find_map(|(name, unit, divisor)| {
        let value = one.iter().position(|kind| kind == name)?;
        (two.get(value).map(String::as_str) == Some(name)).then_some(Measure { value, unit, divisor })
    });
    match found {
        Some(measure) => Ok(measure),
        None => bail!("one holds {}, the other {}\n  next:  give two of one kind", one.join(", "), two.join(", ")),
    }
}

fn folded(profile: &Profile, measure: &Measure) -> String {
    let lines = pprof_file::folded(profile, measure.value);
    let line = |line: &String| {
        let (stack, value) = line.rsplit_once(' ')?;
        Some(format!("{stack} {}\n", value.parse::<u64>().ok()?.div_ceil(measure.divisor)))
    };
    lines.iter().filter_map(line).collect()
}

fn draw(normalize: bool, before: &str, after: &str, negate: bool, (title, unit): (&str, &str)) -> Result<Vec<u8>> {
    let mut lines = Vec::new();
    let compare = differential::Options { normalize, ..Default::default() };
    differential::from_readers(compare, before.as_bytes(), after.as_bytes(), &mut lines)?;
    let mut options = Options::default();
    options.title = title.to_owned();
    options.count_name = unit.to_owned();
    options.negate_differentials = negate;
    let mut picture = Vec::new();
    flamegraph::from_reader(&mut options, lines.as_slice(), &mut picture).context("cannot draw what differs")?;
    Ok(picture)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::{Clock, SessionFolder, Spent, WallProfile};

    fn profile(folder: &Path, meta_ns: u64) -> PathBuf {
        std::fs::create_dir_all(folder).unwrap();
        let mut profile = WallProfile::default();
        let spent = |wall_ns| Spent { count: 1, wall_ns, busy_ns: 0 };
        profile.add(&["upload"], spent(3_000_000));
        profile.add(&["request"], spent(meta_ns));
        profile.write(&SessionFolder::use_given(folder).unwrap(), &Clock::start()).unwrap();
        folder.to_owned()
    }

    #[test]
    fn two_folders_give_two_pictures_and_a_missing_profile_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let (before, after) =
            (profile(&folder.path().join("a"), 1_000_000), profile(&folder.path().join("b"), 9_000_000));
        let out = folder.path().join("diff");
        let args = |before: &Path, name: Option<&str>| DiffArgs {
            before: before.to_owned(),
            after: after.clone(),
            profile: name.map(str::to_owned),
            normalize: false,
            out: out.clone(),
        };
        run(&args(&before, None)).unwrap();
        for name in ["grown.svg", "shrunk.svg"] {
            let text = std::fs::read_to_string(out.join(name)).unwrap();
            assert!(text.contains("request") && text.contains("upload") && text.contains("µs"), "{name}");
        }
        let error = run(&args(&before, Some("cpu.pprof"))).unwrap_err().to_string();
        assert!(error.contains("has no cpu.pprof") && error.contains("next:"), "{error}");
        assert!(run(&args(&folder.path().join("none"), None)).is_err());
    }
}
