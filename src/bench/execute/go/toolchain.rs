//! The go toolchain under measurement: finding the real binary, and commands that are free of the user's settings.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use gocacheprog::platform;

/// The first release in which GOCACHEPROG needs no experiment.
const OLDEST_MINOR: u32 = 24;

const NEXT: &str = "install Go 1.24 or newer from https://go.dev/dl, or use scripts/bench, which brings one";

/// A toolchain that can be measured.
#[derive(Debug, Clone)]
pub struct Go {
    /// GOROOT/bin/go: what PATH holds may be a script that starts it.
    pub binary: PathBuf,
    pub root: PathBuf,
    /// Like `go1.26.8`.
    pub version: String,
    /// Like `linux/amd64`.
    pub platform: String,
}

/// The folders that replace the user's own.
#[derive(Debug, Clone)]
pub struct GoFolders {
    pub config: PathBuf,
    pub gopath: PathBuf,
    /// GOTMPDIR, where go builds.
    pub of_builds: PathBuf,
    /// TMPDIR. Its path is short: tests make sockets in it, whose paths have 107 bytes at most.
    pub of_programs: PathBuf,
}

/// Reasons why a go toolchain cannot be measured.
#[derive(Debug, thiserror::Error)]
pub enum GoError {
    #[error("there is no go to measure\n  tried: `go` in the folders of PATH\n  next:  {NEXT}")]
    NotFound,
    #[error("{version} is too old: go knows GOCACHEPROG since 1.{OLDEST_MINOR}\n  tried: {binary}\n  next:  {NEXT}")]
    TooOld { version: String, binary: String },
    #[error("`{tried}` did not work: {why}\n  next:  {NEXT}")]
    Broken { tried: String, why: String },
}

impl Go {
    /// Finds go in PATH and asks it for its root and version.
    pub fn find() -> Result<Go, GoError> {
        Go::at(PathBuf::from(ask(Path::new("go"), &["env", "GOROOT"], Path::new(platform::NO_CONFIG))?))
    }

    /// The toolchain in the folder `root`.
    ///
    /// # Errors
    /// When it does not work, or is too old.
    pub fn at(root: PathBuf) -> Result<Go, GoError> {
        let binary = root.join("bin").join("go");
        let version = ask(&binary, &["version"], Path::new(platform::NO_CONFIG))?;
        Go::from_version(&version, binary, root)
    }

    fn from_version(line: &str, binary: PathBuf, root: PathBuf) -> Result<Go, GoError> {
        let Some((version, minor)) = parse_version(line) else {
            return Err(GoError::Broken {
                tried: format!("{} version", binary.display()),
                why: format!("it said {line:?}"),
            });
        };
        if minor < OLDEST_MINOR {
            return Err(GoError::TooOld { version, binary: binary.display().to_string() });
        }
        Ok(Go { binary, root, version, platform: line.split(' ').next_back().unwrap_or_default().to_owned() })
    }

    /// 26 of `go1.26.8`.
    pub fn minor(&self) -> Option<u32> {
        parse_version(&self.version).map(|(_, minor)| minor)
    }

    /// True if it has the flags that make it write what it does: they are for go's own developers, and may go away.
    pub fn shows_its_view(&self, config: &Path) -> bool {
        let mut command = Command::new(&self.binary);
        isolate(&mut command, config);
        // Flags are read in order: -h, which only prints, is reached when all before it are known.
        let output = command.args(["build", "-debug-trace=x", "-debug-actiongraph=x", "-h"]).output();
        output.is_ok_and(|output| !String::from_utf8_lossy(&output.stderr).contains("not defined"))
    }

    /// Any go command in the folder `module`, with nothing of the user's settings and caches.
    ///
    /// Every variable by which go, the backend or its S3 client could be steered is taken out, so that a baseline is
    /// free of GOCACHEPROG even where `go env -w` has set it.
    pub fn command(&self, args: &[&str], module: &Path, cache: &Path, folders: &GoFolders) -> Command {
        let mut command = Command::new(&self.binary);
        // go takes the folder from PWD where that leads to it, by a symlink of the user's perhaps.
        command.args(args).current_dir(module).env("PWD", module);
        isolate(&mut command, &folders.config);
        command.env("GOCACHE", cache).env("GOPATH", &folders.gopath).env("GOTMPDIR", &folders.of_builds);
        // A C compiler or a backend that is killed leaves its temporary files: they go with the run.
        command.env("TMPDIR", &folders.of_programs);
        command
    }
}

/// Takes out every variable that steers go or the backend.
pub fn isolate(command: &mut Command, config: &Path) {
    isolate_from(std::env::vars_os().map(|(name, _)| name), command, config);
}

/// `inherited`: the names of the variables that the command would get.
fn isolate_from(inherited: impl Iterator<Item = OsString>, command: &mut Command, config: &Path) {
    for name in inherited.filter(|name| steers(name)) {
        command.env_remove(name);
    }
    command.env("GOENV", "off").env("GOFLAGS", "").env("GOTOOLCHAIN", "local").env("GOWORK", "off");
    platform::private_config(command, config);
}

/// True if a variable changes what go or the backend does.
fn steers(name: &OsStr) -> bool {
    let text = name.to_string_lossy();
    steers_go(name) || ["S3_", "CACHEPROG_"].iter().any(|prefix| text.starts_with(prefix))
}

/// True if the name of a variable begins as those do that change what go does.
pub fn steers_go(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with("GO") || name.starts_with("CGO_")
}

fn ask(binary: &Path, args: &[&str], config: &Path) -> Result<String, GoError> {
    let mut command = Command::new(binary);
    isolate(&mut command, config);
    let tried = format!("{} {}", binary.display(), args.join(" "));
    let output = match command.args(args).output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(GoError::NotFound),
        Err(error) => {
            return Err(GoError::Broken { tried, why: error.to_string() });
        }
        Ok(output) => output,
    };
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if !output.status.success() || said.is_empty() {
        let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(GoError::Broken { tried, why });
    }
    Ok(said)
}

/// `go version go1.26.8 linux/amd64` gives `go1.26.8` and 26; development versions name their release later in the line.
fn parse_version(line: &str) -> Option<(String, u32)> {
    let version = line.split(' ').find(|word| word.starts_with("go1."))?;
    let digits: String = version[4..].chars().take_while(char::is_ascii_digit).collect();
    Some((version.to_owned(), digits.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(line: &str) -> Result<Go, GoError> {
        Go::from_version(line, "/r/bin/go".into(), "/r".into())
    }

    #[test]
    fn releases_candidates_and_development_versions() {
        let go = from("go version go1.26.8 linux/amd64").unwrap();
        assert_eq!((go.version.as_str(), go.platform.as_str()), ("go1.26.8", "linux/amd64"));
        assert_eq!(from("go version go1.25rc1 darwin/arm64").unwrap().version, "go1.25rc1");
        let development = "go version devel go1.27-0f1e2d3c Tue Mar 3 10:00:00 2026 +0000 linux/amd64";
        assert_eq!(from(development).unwrap().platform, "linux/amd64");
    }

    #[test]
    fn an_old_go_is_named_with_the_next_step() {
        let error = from("go version go1.22.3 linux/amd64").unwrap_err().to_string();
        assert!(error.starts_with("go1.22.3 is too old"), "{error}");
        assert!(error.contains("/r/bin/go") && error.contains("scripts/bench"), "{error}");
    }

    #[test]
    fn what_is_no_go_is_told() {
        assert!(matches!(from("gcc 14"), Err(GoError::Broken { .. })));
        let folder = tempfile::tempdir().unwrap();
        let error = ask(Path::new("/nowhere/go"), &["version"], folder.path()).unwrap_err();
        assert!(matches!(error, GoError::NotFound));
    }

    #[test]
    fn the_command_carries_none_of_the_users_settings() {
        let folders = GoFolders {
            config: "/w/config".into(),
            gopath: "/w/gopath".into(),
            of_builds: "/w/tmp".into(),
            of_programs: "/t".into(),
        };
        let go = from("go version go1.26.8 linux/amd64").unwrap();
        let command = go.command(&["build", "std"], Path::new("/w/module"), Path::new("/w/cache"), &folders);
        let set = |name: &str| command.get_envs().find(|(key, _)| *key == name).and_then(|(_, value)| value);
        assert_eq!(set("GOENV"), Some(OsStr::new("off")));
        assert_eq!(set("GOFLAGS"), Some(OsStr::new("")));
        assert_eq!(set("GOCACHE"), Some(OsStr::new("/w/cache")));
        assert_eq!((set("GOTMPDIR"), set("TMPDIR")), (Some(OsStr::new("/w/tmp")), Some(OsStr::new("/t"))));
    }

    #[test]
    fn inherited_settings_are_taken_out_and_the_rest_stays() {
        let inherited = ["GOCACHEPROG", "S3_ENDPOINT", "CGO_ENABLED", "CACHEPROG_STRATEGY", "PATH", "HOME"];
        let mut command = Command::new("go");
        isolate_from(inherited.into_iter().map(OsString::from), &mut command, Path::new("/w/config"));
        let changed = |name: &str| command.get_envs().find(|(key, _)| *key == name);
        for name in &inherited[..4] {
            assert_eq!(changed(name), Some((OsStr::new(name), None)));
        }
        assert_eq!(changed("PATH"), None);
    }
}
