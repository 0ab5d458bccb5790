//! A module of the user's as workload (`--workload`): built where it is, with nothing written into it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::go::Go;

/// What makes a folder a module.
const GO_MOD: &str = "go.mod";
/// What go uses in the place of the module cache where it is there.
const VENDOR: &str = "vendor/modules.txt";

/// A module that is none of bench's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserModule {
    /// Absolute.
    pub folder: PathBuf,
    /// The user's own: what the module needs is read there, and nothing is downloaded.
    pub module_cache: PathBuf,
}

impl UserModule {
    /// Makes sure that `folder` holds a module, and asks the user's go where its module cache is.
    ///
    /// # Errors
    /// When there is no module, or go does not answer.
    pub fn find(folder: &Path, go: &Go) -> Result<UserModule> {
        let shown = folder.display();
        let folder = folder.canonicalize().with_context(|| {
            format!("there is no folder {shown} to build\n  next:  give the folder of a Go module with --workload")
        })?;
        if !folder.join(GO_MOD).is_file() {
            bail!("{shown} is no Go module\n  tried: {GO_MOD} in it\n  next:  give the folder that has one");
        }
        // With the user's own settings, unlike all other uses of go here: the cache is where those say.
        let mut command = Command::new(&go.binary);
        command.args(["env", "GOMODCACHE"]).env("GOTOOLCHAIN", "local").env_remove("GOCACHEPROG");
        let output = command.current_dir(&folder).output().context("cannot ask go for GOMODCACHE")?;
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if !output.status.success() || said.is_empty() {
            let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            bail!("go does not tell where the module cache is: {why}\n  tried: go env GOMODCACHE in {shown}");
        }
        Ok(UserModule { folder, module_cache: said.into() })
    }

    /// Flags under which `go build` writes nothing: no program, no change of go.mod, and no look at git, which refreshes its
    /// index.
    pub fn flags(&self) -> Vec<OsString> {
        let modules = if self.folder.join(VENDOR).is_file() { "-mod=vendor" } else { "-mod=readonly" };
        [modules, "-buildvcs=false", "-o", "/dev/null"].map(OsString::from).to_vec()
    }

    /// Lets a go of bench's find what the module needs, and download nothing.
    pub fn configure(&self, command: &mut Command) {
        command.env("GOMODCACHE", &self.module_cache).env("GOPROXY", "off");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vendored_modules_are_built_from_there() {
        let folder = tempfile::tempdir().unwrap();
        let module = UserModule { folder: folder.path().to_owned(), module_cache: "/m".into() };
        assert_eq!(module.flags()[0], "-mod=readonly");
        std::fs::create_dir(folder.path().join("vendor")).unwrap();
        std::fs::write(folder.path().join(VENDOR), "").unwrap();
        assert_eq!(module.flags()[0], "-mod=vendor");
    }

    #[test]
    fn a_folder_without_a_module_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let go = Go {
            binary: "go".into(),
            root: "/r".into(),
            version: "go1.26".to_owned(),
            platform: "linux/amd64".to_owned(),
        };
        let error = UserModule::find(folder.path(), &go).unwrap_err().to_string();
        assert!(error.contains("is no Go module") && error.contains("next:"), "{error}");
        let error = UserModule::find(&folder.path().join("none"), &go).unwrap_err().to_string();
        assert!(error.contains("there is no folder"), "{error}");
    }
}
