//! A module of the user's as workload (`--workload`): built where it is, under the user's go settings, with nothing written
//! into it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::execute::go::toolchain::{Go, GoError};
use crate::execute::process::interrupt::Interrupt;
use crate::execute::workload::user_settings::UserSettings;
use crate::plan::go_command::quoted;

/// A module that is none of bench's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserModule {
    /// Where go is run; absolute.
    pub folder: PathBuf,
    pub settings: UserSettings,
}

impl UserModule {
    /// Makes sure that go finds a module in `folder`, and reads the settings under which it builds there.
    ///
    /// # Errors
    /// When there is no module, or go cannot be used there.
    pub fn find(folder: &Path, interrupt: &Interrupt) -> Result<UserModule> {
        let shown = folder.display().to_string();
        let folder = folder.canonicalize().with_context(|| {
            format!("there is no folder {shown} to build\n  next:  give the folder of a Go module with --workload")
        })?;
        if !folder.is_dir() {
            bail!("{shown} is a file\n  next:  give the folder of a Go module with --workload");
        }
        let settings = UserSettings::read(&folder, &shown, interrupt)?;
        check_place(&folder, &shown, &settings)?;
        Ok(UserModule { folder, settings })
    }

    /// The toolchain that go selects in the module.
    ///
    /// # Errors
    /// As [`Go::at`].
    pub fn go(&self) -> Result<Go, GoError> {
        Go::at(self.settings.root.clone())
    }

    /// Makes sure that a copy of the module builds as the module does.
    ///
    /// # Errors
    /// When other modules are a part of it, which would not be copied.
    pub fn check_copy(&self) -> Result<()> {
        match &self.settings.go_work {
            None => Ok(()),
            Some(go_work) => bail!(
                "a scenario that changes the sources copies one module, and this one is built with others\n  tried: {}\n  \
                 next:  set GOWORK=off, or choose the cases that change nothing with --case",
                go_work.display()
            ),
        }
    }

    /// Lets a `go list` of bench's find the packages that the user's go finds.
    pub fn configure_listing(&self, command: &mut Command) {
        self.settings.configure_listing(command);
    }

    /// Lets a go of bench's build as the user's does.
    pub fn configure(&self, command: &mut Command) {
        self.settings.configure(command);
    }
}

/// Makes sure that `folder` is the root of a module, or of a workspace.
fn check_place(folder: &Path, shown: &str, settings: &UserSettings) -> Result<()> {
    let is_workspace = settings.go_work.as_deref().and_then(Path::parent) == Some(folder);
    let Some(root) = settings.go_mod.as_deref().and_then(Path::parent) else {
        if is_workspace {
            return Ok(());
        }
        let off = if folder.join("go.mod").is_file() { "; GO111MODULE is off there" } else { "" };
        bail!(
            "{shown} is not a Go module{off}\n  tried: go env GOMOD in it\n  next:  give the folder that has a go.mod with \
             --workload"
        );
    };
    match folder.strip_prefix(root) {
        Ok(below) if !below.as_os_str().is_empty() => {
            let root = quoted(&root.display().to_string());
            let packages = quoted(&format!("./{}/...", below.display()));
            bail!(
                "{shown} is a folder inside a Go module, and not its root\n  tried: go.mod in it\n  next:  --workload {root} \
                 {packages}, or --workload {root} -- go build {packages}"
            )
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(go_mod: Option<&str>, go_work: Option<&str>) -> UserSettings {
        UserSettings {
            go_mod: go_mod.map(PathBuf::from),
            go_work: go_work.map(PathBuf::from),
            ..UserSettings::default()
        }
    }

    #[test]
    fn only_the_root_of_a_module_or_a_workspace_is_built() {
        let check = |go_mod, go_work| check_place(Path::new("/r/m"), "m", &settings(go_mod, go_work));
        check(Some("/r/m/go.mod"), None).unwrap();
        check(Some("/r/m/go.mod"), Some("/r/go.work")).unwrap();
        check(None, Some("/r/m/go.work")).unwrap();
        let error = check(None, Some("/r/go.work")).unwrap_err().to_string();
        assert!(error.contains("m is not a Go module\n") && error.contains("next:"), "{error}");
        let error = check(Some("/r/go.mod"), None).unwrap_err().to_string();
        assert!(error.contains("inside a Go module"), "{error}");
        assert!(error.ends_with("--workload /r ./m/..., or --workload /r -- go build ./m/..."), "{error}");
        let blank = check_place(Path::new("/a b/m"), "m", &settings(Some("/a b/go.mod"), None)).unwrap_err();
        assert!(blank.to_string().contains("--workload '/a b' ./m/..."), "{blank}");
    }

    #[test]
    fn a_workspace_is_no_module_to_copy() {
        let module = |go_work| UserModule { folder: "/r/m".into(), settings: settings(None, go_work) };
        module(None).check_copy().unwrap();
        let error = module(Some("/r/go.work")).check_copy().unwrap_err().to_string();
        assert!(error.contains("tried: /r/go.work") && error.contains("GOWORK=off"), "{error}");
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = UserModule::find(&folder.path().join("none"), &Interrupt::default()).unwrap_err().to_string();
        assert!(error.contains("there is no folder") && error.contains("next:"), "{error}");
    }
}
