//! Which go this process was started by: the protocol does not tell.

/// Version of the go command that is this process's parent (`go1.26.8`), from the file `VERSION` in its GOROOT. `None`
/// where that cannot be found.
pub fn parent_go_version() -> Option<String> {
    let go = parent_executable()?;
    let version = std::fs::read_to_string(go.parent()?.parent()?.join("VERSION")).ok()?;
    let first = version.lines().next()?.trim();
    first.starts_with("go").then(|| first.to_owned())
}

#[cfg(target_os = "linux")]
fn parent_executable() -> Option<std::path::PathBuf> {
    std::fs::read_link(format!("/proc/{}/exe", std::os::unix::process::parent_id())).ok()
}

/// go sets GOROOT for the programs it starts.
#[cfg(not(target_os = "linux"))]
fn parent_executable() -> Option<std::path::PathBuf> {
    std::env::var_os("GOROOT").map(|root| std::path::Path::new(&root).join("bin/go"))
}
