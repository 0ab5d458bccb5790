//! Finds out in what environment a run takes place.

use std::collections::BTreeMap;
use std::path::Path;

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

use crate::execute::go::toolchain::Go;
use crate::execute::workload::user_settings::UserSettings;
use crate::results::environment::Environment;
use gocacheprog::platform;
use gocacheprog::platform::Cpus;

/// Asks the system for the environment of a run; `work` is the folder that holds the caches.
pub fn collect(go: &Go, work: &Path) -> Environment {
    let wanted =
        RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing()).with_memory(MemoryRefreshKind::nothing().with_ram());
    // What the system does not tell is missing in the results, and no reason to end.
    let system = System::new_with_specifics(wanted).ok();
    let cpus = Cpus::here();
    let model = system.as_ref().and_then(|system| Some(system.cpus().first()?.brand().trim().to_owned()));
    Environment {
        go_version: go.version.clone(),
        go_platform: go.platform.clone(),
        goroot: go.root.display().to_string(),
        bench_version: env!("CARGO_PKG_VERSION").to_owned(),
        cpu_model: model.filter(|model| !model.is_empty()),
        cores: Some(cpus.cores()),
        go_workers: Some(cpus.go_workers(&go.version, |_| None)),
        machine_cores: system.as_ref().map(|system| system.cpus().len()),
        memory_bytes: system.map(|system| system.total_memory()),
        os: System::long_os_version().ok(),
        kernel: System::kernel_version().ok(),
        file_system: platform::file_system_of(work),
        go_settings: BTreeMap::new(),
        go_settings_left_out: Vec::new(),
    }
}

/// Adds the go settings of the user; None where no module of the user is built. `of_remote` are the variables that were
/// left out because of the remote.
pub fn add_settings(environment: &mut Environment, settings: Option<&UserSettings>, of_remote: Vec<String>) {
    if let Some(settings) = settings {
        environment.go_settings.clone_from(&settings.kept);
        environment.go_settings_left_out.clone_from(&settings.left_out);
        environment.go_settings_left_out.extend(of_remote);
        if let Some(go_work) = &settings.go_work {
            environment.go_settings.insert("GOWORK".to_owned(), go_work.display().to_string());
        }
    }
}
