//! The Go backends in `tests/backends`, built by the real go without a network.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Their names.
pub const BACKENDS: [&str; 3] = ["plain", "serial", "forgetful"];

/// The path of one of them. All are built when a test process asks first; go's cache for that stays in cargo's folder for tests.
pub fn program(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(build).join(name)
}

/// A go command in their module, with none of the user's settings.
pub fn go_in_module(arguments: &[&str]) -> Command {
    let mut go = Command::new("go");
    go.args(arguments).current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/backends"));
    go.env("GOENV", "off").env("GOFLAGS", "").env("GOWORK", "off").env("GOTOOLCHAIN", "local").env("GOPROXY", "off");
    go.env("GOCACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("go-build")).env("CGO_ENABLED", "0");
    go.env_remove("GOCACHEPROG");
    go
}

/// Builds them into a folder that later runs use too: go leaves a program that is up to date as it is.
fn build() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("backends");
    std::fs::create_dir_all(&folder).unwrap();
    let mut go = go_in_module(&["build", "-trimpath", "-buildvcs=false", "-o"]);
    let output = go.arg(&folder).arg("./...").output().expect("go can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    folder
}
