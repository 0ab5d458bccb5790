//! The go settings of the user: read once by `go env` in the folder of the module, `go env -w` and the toolchain of go.mod
//! included, and given to every round.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::execute::go::advice::advice;
use crate::execute::go::toolchain;
use crate::execute::go::toolchain::GoError;
use crate::execute::process::interrupt::Interrupt;
use crate::plan::go_command::quoted;
use crate::plan::go_flags::{Treatment, flag, selects_packages, treatment, unquoted};
use crate::scenario::quoted_words::split;
use gocacheprog::platform;

/// Variables that bench sets itself: what the user has there would spoil the measurement.
const SET_BY_BENCH: [&str; 9] =
    ["GOBIN", "GOCACHE", "GOCACHEPROG", "GOENV", "GOPATH", "GOPROXY", "GOROOT", "GOTMPDIR", "GOTOOLCHAIN"];
/// Variables of go's runtime, which `go env` does not print.
const OF_RUNTIME: [&str; 7] = ["GOCOVERDIR", "GODEBUG", "GOGC", "GOMAXPROCS", "GOMEMLIMIT", "GORACE", "GOTRACEBACK"];
/// Variables that decide nothing where nothing is downloaded.
const FOR_DOWNLOADS: [&str; 8] =
    ["GOAUTH", "GOINSECURE", "GONOPROXY", "GONOSUMDB", "GOPRIVATE", "GOSUMDB", "GOVCS", "GOMODCACHE"];
/// Variables that `go env` prints and go computes.
const COMPUTED: [&str; 11] = [
    "GOEXE",
    "GOGCCFLAGS",
    "GOHOSTARCH",
    "GOHOSTOS",
    "GOMOD",
    "GOTELEMETRY",
    "GOTELEMETRYDIR",
    "GOTOOLDIR",
    "GOVERSION",
    "GOWORK",
    "GOFLAGS",
];
/// Settings that go reads, and prints only where they are asked for by name.
const UNLISTED: [&str; 12] = [
    "CGO_CFLAGS_ALLOW",
    "CGO_CFLAGS_DISALLOW",
    "CGO_CPPFLAGS_ALLOW",
    "CGO_CPPFLAGS_DISALLOW",
    "CGO_CXXFLAGS_ALLOW",
    "CGO_CXXFLAGS_DISALLOW",
    "CGO_FFLAGS_ALLOW",
    "CGO_FFLAGS_DISALLOW",
    "CGO_LDFLAGS_ALLOW",
    "CGO_LDFLAGS_DISALLOW",
    "FC",
    "GO_EXTLINK_ENABLED",
];
/// Settings that are asked for before the toolchain is known. None of them lets go start a GOCACHEPROG.
const FIRST: [&str; 6] = ["GOENV", "GOFLAGS", "GOMOD", "GOMODCACHE", "GOROOT", "GOWORK"];
/// The values of GOMOD where there is no module.
const NO_MODULE: [&str; 2] = ["", "/dev/null"];
/// Lets go look at no repository: git would refresh its index.
const NO_VCS: &str = "-buildvcs=false";

/// Without a checksum database go would trust the module cache, and write its checksums into go.work.sum. This one is never
/// contacted, because nothing is downloaded.
const CHECKED: &str = "sum.golang.org";

/// The answers of go in a folder, by variable.
type Answers = BTreeMap<String, String>;

/// The settings under which go builds in one folder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserSettings {
    /// GOROOT of the toolchain that go selects there.
    pub root: PathBuf,
    /// The go.mod that go uses there; None where it finds none.
    pub go_mod: Option<PathBuf>,
    /// The go.work that go uses there, if any.
    pub go_work: Option<PathBuf>,
    /// The folder in which go finds the modules that this one needs. Nothing is downloaded.
    pub module_cache: PathBuf,
    /// Settings other than go's defaults, and variables of go's runtime, by name. GOFLAGS is without what bench leaves out.
    pub kept: BTreeMap<String, String>,
    /// Settings of the user that bench replaces or leaves out, by name; `-a of GOFLAGS` for flags.
    pub left_out: Vec<String>,
}

impl UserSettings {
    /// Asks the user's go in `folder`. `shown` is what errors call it.
    ///
    /// # Errors
    /// When there is no go, or it cannot work in that folder: a toolchain is missing, say.
    pub fn read(folder: &Path, shown: &str, interrupt: &Interrupt) -> Result<UserSettings> {
        let first = ask("go".as_ref(), &[&["env", "-json"], &FIRST[..], &UNLISTED[..]].concat(), folder, shown, &[])?;
        let get = |name: &str| first.get(name).cloned().unwrap_or_default();
        let root = PathBuf::from(get("GOROOT"));
        // An old go does not know -changed, and says so in other words.
        let binary = toolchain::Go::at(root.clone())?.binary;
        let file = env_file(&get("GOENV"));
        let changed = changed(&binary, &file, folder, shown, interrupt)?;
        let flags = get("GOFLAGS");
        let (flags, flags_left_out) = flags_to_keep(&flags);
        let mut settings = UserSettings {
            root,
            go_mod: Some(get("GOMOD")).filter(|path| !NO_MODULE.contains(&path.as_str())).map(PathBuf::from),
            go_work: Some(get("GOWORK")).filter(|path| !path.is_empty() && path != "off").map(PathBuf::from),
            module_cache: get("GOMODCACHE").into(),
            kept: kept(changed, &first, std::env::vars_os()),
            left_out: left_out(&file, std::env::vars_os()),
        };
        if !flags.is_empty() {
            settings.kept.insert("GOFLAGS".to_owned(), flags);
        }
        settings.left_out.extend(flags_left_out.iter().map(|flag| format!("{flag} of GOFLAGS")));
        Ok(settings)
    }

    /// Gives them to a `go list` that bench runs for itself: of GOFLAGS only those that decide which packages there are.
    pub fn configure_listing(&self, command: &mut Command) {
        self.configure(command);
        let flags = self.kept.get("GOFLAGS").map_or(String::new(), |flags| selecting(flags));
        command.env("GOFLAGS", format!("{flags} {NO_VCS}"));
    }

    /// Gives them to a go command that is free of all settings. It finds what the module needs, and downloads nothing.
    pub fn configure(&self, command: &mut Command) {
        self.configure_from(std::env::vars_os(), command);
    }

    /// `inherited`: the variables of this process.
    fn configure_from(&self, inherited: impl Iterator<Item = (OsString, OsString)>, command: &mut Command) {
        for (name, value) in inherited {
            // What begins like a setting and is none may be one of a test, or of another program.
            if toolchain::steers_go(&name) && !is_set_by_bench(&name.to_string_lossy()) {
                command.env(name, value);
            }
        }
        let flags = self.kept.get("GOFLAGS").map_or(NO_VCS.to_owned(), |flags| format!("{flags} {NO_VCS}"));
        command.envs(&self.kept).env("GOFLAGS", flags);
        command.env("GOWORK", self.go_work.as_deref().unwrap_or("off".as_ref()));
        command.env("GOMODCACHE", &self.module_cache).env("GOPROXY", "off").env("GOSUMDB", CHECKED);
    }
}

fn is_set_by_bench(name: &str) -> bool {
    // Of GOTOOLCHAIN go has variables for the toolchains that it starts too.
    SET_BY_BENCH.contains(&name) || FOR_DOWNLOADS.contains(&name) || name.starts_with("GOTOOLCHAIN_")
}

/// The text of the file that `go env -w` writes; empty where go does not read it.
fn env_file(path: &str) -> String {
    if path == "off" { String::new() } else { std::fs::read_to_string(path).unwrap_or_default() }
}

/// All settings that differ from go's defaults.
fn changed(binary: &Path, file: &str, folder: &Path, shown: &str, interrupt: &Interrupt) -> Result<Answers> {
    // There may be secrets in the file: its copy goes, however bench ends.
    let own = interrupt.temporary_folder().context("cannot make a temporary folder")?;
    let (copy, cache) = (own.path().join("env"), own.path().join("cache"));
    // For CGO_ and PKG_CONFIG go starts the backend, which may be broken, and writes into its cache.
    let lines: Vec<&str> = file.lines().filter(|line| !line.starts_with("GOCACHEPROG=")).collect();
    std::fs::write(&copy, lines.join("\n") + "\n").with_context(|| format!("cannot write {}", copy.display()))?;
    let variables = [("GOENV", copy.as_path()), ("GOCACHE", &cache), ("GOTOOLCHAIN", "local".as_ref())];
    ask(binary.as_os_str().as_ref(), &["env", "-json", "-changed"], folder, shown, &variables)
}

/// Asks a go, with the environment of the user but for GOCACHEPROG, and without downloads.
fn ask(binary: &Path, args: &[&str], folder: &Path, shown: &str, variables: &[(&str, &Path)]) -> Result<Answers> {
    let mut command = Command::new(binary);
    command.args(args).current_dir(folder).env("PWD", folder).env_remove("GOCACHEPROG").env("GOPROXY", "off");
    command.envs(variables.iter().copied());
    if let Some((_, copy)) = variables.iter().find(|(name, _)| *name == "GOENV") {
        // The settings are in the copy: go's counters go beside it.
        platform::private_config(&mut command, copy.parent().unwrap_or(copy));
    }
    let output = match command.output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(GoError::NotFound.into()),
        output => output.with_context(|| format!("cannot start {}", binary.display()))?,
    };
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "\n  ");
        let next = advice(&said, shown).unwrap_or_else(|| format!("make `go -C {} env` work", quoted(shown)));
        bail!("go cannot be used in {shown}\n  tried: go env\n  go said:\n  {said}\n  next:  {next}");
    }
    serde_json::from_slice(&output.stdout).with_context(|| format!("cannot read what go env said in {shown}"))
}

/// The settings that the rounds get, of those that differ from go's defaults. `variables` are those of this process.
fn kept(
    changed: Answers,
    first: &Answers,
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> BTreeMap<String, String> {
    let is_kept = |name: &str| !is_set_by_bench(name) && !COMPUTED.contains(&name);
    let mut kept: BTreeMap<String, String> = changed.into_iter().filter(|(name, _)| is_kept(name)).collect();
    for name in UNLISTED {
        if let Some(value) = first.get(name).filter(|value| !value.is_empty()) {
            kept.entry(name.to_owned()).or_insert_with(|| value.clone());
        }
    }
    for (name, value) in variables.filter(|(_, value)| !value.is_empty()) {
        let name = name.to_string_lossy();
        if OF_RUNTIME.contains(&&*name) {
            kept.entry(name.into_owned()).or_insert_with(|| value.to_string_lossy().into_owned());
        }
    }
    kept
}

/// Names of what the user has set, in the file of `go env -w` or in the environment, and the rounds do not get. Which of the
/// remote's settings they do not get depends on the remote.
fn left_out(file: &str, variables: impl Iterator<Item = (OsString, OsString)>) -> Vec<String> {
    let is_set = |(_, value): &(OsString, OsString)| !value.is_empty();
    let of_variables = variables.filter(is_set).map(|(name, _)| name.to_string_lossy().into_owned());
    let of_file = file.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name.to_owned());
    // Which toolchain is measured follows from these.
    let is_used = |name: &str| ["GOENV", "GOROOT", "GOTOOLCHAIN", "GOMODCACHE"].contains(&name);
    let names = of_variables
        .chain(of_file)
        .filter(|name| (is_set_by_bench(name) && !is_used(name)) || name.starts_with("CACHEPROG_"));
    names.collect::<BTreeSet<String>>().into_iter().collect()
}

/// GOFLAGS without what would spoil a measurement, and that.
fn flags_to_keep(flags: &str) -> (String, Vec<String>) {
    let (mut kept, mut left_out) = (Vec::new(), Vec::new());
    for word in split(flags) {
        let plain = unquoted(word);
        let is_kept = flag(plain).is_none_or(|(name, value)| treatment(name, value) == Treatment::Keep);
        if is_kept { kept.push(word) } else { left_out.push(plain.to_owned()) }
    }
    (kept.join(" "), left_out)
}

/// Flags of GOFLAGS that decide which packages there are.
fn selecting(flags: &str) -> String {
    let words = split(flags).into_iter();
    let selects = |word: &&str| flag(unquoted(word)).is_some_and(|(name, _)| selects_packages(name));
    words.filter(selects).collect::<Vec<&str>>().join(" ")
}

#[cfg(test)]
#[path = "user_settings_tests.rs"]
mod tests;
