//! `bench diff A B`: the difference between two profiles in pprof's format, as flame graphs in both directions.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use flate2::read::MultiGzDecoder;
use inferno::differential;
use inferno::flamegraph::{self, Options};
use pprof::protos::{Message, Profile};

use gocacheprog::stdout;
use gocacheprog::telemetry::profile::pprof_file;

/// Profiles of a folder to compare without `--profile`, the first one that both have.
const PROFILES: [&str; 2] = ["cpu.pprof", "fg.prof"];
/// All profiles that a run leaves.
const KINDS: [&str; 3] = ["cpu.pprof", "fg.prof", "mem.pprof"];
/// Their places: a state has a CPU profile of all its rounds, the others are in its rounds.
const PLACES: [&str; 3] = ["pprof", "", "1/pprof"];
/// The first bytes of a gzip file.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Two profiles to compare.
#[derive(Debug, clap::Args)]
pub struct DiffArgs {
    /// The first profile: a pprof file, also one that Go wrote, or a folder such as metrics/latest/cold
    before: PathBuf,
    /// The second profile
    after: PathBuf,
    /// File name of the profiles in the folders [default: cpu.pprof if both have it, else fg.prof]
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Compare shares instead of times: for builds of different sizes
    #[arg(long)]
    normalize: bool,
    /// Folder for the two pictures
    #[arg(long, value_name = "DIR", default_value = "metrics/diff")]
    out: PathBuf,
}

/// Draws `grown.svg` (shaped as B) and `shrunk.svg` (shaped as A, so that removed frames appear too), and prints their paths.
///
/// # Errors
/// When a profile cannot be read, the two are of different kinds, or the pictures cannot be written.
pub fn run(args: &DiffArgs) -> Result<()> {
    if args.profile.is_some() && args.before.is_file() && args.after.is_file() {
        bail!("--profile is for folders, and both are files\n  next:  leave it out");
    }
    let (before, after) = find_both(&args.before, &args.after, args.profile.as_deref())?;
    let (one, two) = (read(&before)?, read(&after)?);
    let measure = same_measure(&one, &two)
        .with_context(|| format!("cannot compare {} with {}", before.display(), after.display()))?;
    let (old, new) = (folded(&one, &measure), folded(&two, &measure));
    let title = |words: &str| format!("{words}, from {} to {}", before.display(), after.display());
    let (grown, shrunk) = (args.out.join("grown.svg"), args.out.join("shrunk.svg"));
    let draw = |before: &str, after: &str, negate, words: &str| {
        draw(args.normalize, before, after, negate, (&title(words), measure.unit))
    };
    // Both before the folder: a failure leaves nothing behind.
    let pictures =
        [(&grown, draw(&old, &new, false, "Shaped as after")?), (&shrunk, draw(&new, &old, true, "Shaped as before")?)];
    std::fs::create_dir_all(&args.out).with_context(|| format!("cannot make the folder {}", args.out.display()))?;
    for (path, picture) in pictures {
        std::fs::write(path, picture).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let line = |path: &Path, shape: &Path| {
        format!("{}  red grew, blue shrank; shaped as {}\n", path.display(), shape.display())
    };
    let words =
        "The second percentage of a frame is the change of its own time, without its callees, as a share of the whole.";
    stdout::print(&format!("{}{}{words}\n", line(&grown, &after), line(&shrunk, &before)))
}

/// Reads a profile, compressed by gzip as Go writes it or plain.
fn read(path: &Path) -> Result<Profile> {
    let cannot_read = || format!("cannot read the profile {}", path.display());
    let mut bytes = std::fs::read(path).with_context(cannot_read)?;
    if bytes.starts_with(&GZIP) {
        let mut plain = Vec::new();
        MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut plain).with_context(cannot_read)?;
        bytes = plain;
    }
    Profile::decode(bytes.as_slice()).with_context(|| format!("{} is not a profile in pprof's format", path.display()))
}

/// The files of both profiles; those in folders have the same name.
fn find_both(before: &Path, after: &Path, name: Option<&str>) -> Result<(PathBuf, PathBuf)> {
    const NEXT: &str = "next:  give two files, or two folders such as metrics/latest/cold/1";
    if let Some(missing) = [before, after].into_iter().find(|path| !path.exists()) {
        bail!("there is no {}\n  {NEXT}", missing.display());
    }
    let own = [before, after].into_iter().filter(|path| path.is_file()).find_map(|path| path.file_name()?.to_str());
    // A file with another name may be of any kind.
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

/// The file itself, or the one with this name in a folder.
fn find(path: &Path, name: &str) -> Option<PathBuf> {
    if !path.is_dir() {
        return path.is_file().then(|| path.to_owned());
    }
    PLACES.iter().map(|place| path.join(place).join(name)).find(|path| path.is_file())
}

/// The value of the samples that is compared.
struct Measure {
    /// Its position among the values of a sample.
    value: usize,
    /// Unit in the picture.
    unit: &'static str,
    /// Units of the profile in one of the picture.
    divisor: u64,
}

/// Values that profiles are compared by, the first that both have: ours and Go's CPU, wall-clock and heap profiles, Go's of
/// mutexes, blocking and goroutines. In µs, because nanoseconds have too many digits.
const MEASURES: [(&str, &str, u64); 5] = [
    ("cpu", "µs", 1000),
    ("wall", "µs", 1000),
    ("inuse_space", "bytes", 1),
    ("delay", "µs", 1000),
    ("goroutine", "goroutines", 1),
];

/// The first measure that both have.
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
    flamegraph::from_reader(&mut options, lines.as_slice(), &mut picture).context("cannot draw the difference")?;
    Ok(picture)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gocacheprog::telemetry::{Clock, SessionFolder, Spent, WallProfile};

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
