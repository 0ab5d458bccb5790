//! Where a run took place: what a reader needs to know to compare it with another.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

use crate::bench::execute::go::toolchain::Go;
use crate::bench::execute::workload::user_settings::UserSettings;
use crate::platform;
use crate::platform::Cpus;

/// The machine, the system and the toolchain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Environment {
    /// Like `go1.26.8`.
    pub go_version: String,
    /// Like `linux/amd64`.
    pub go_platform: String,
    pub goroot: String,
    pub bench_version: String,
    pub cpu_model: Option<String>,
    /// Cores that this process may use at once: fewer than the machine has where its affinity or a quota says so.
    pub cores: Option<usize>,
    /// Workers of the go that is timed, with its settings. A case with `jobs` gives it others; what each round had is in its `account`.
    #[serde(default)]
    pub go_workers: Option<usize>,
    /// Cores of the machine.
    #[serde(default)]
    pub machine_cores: Option<usize>,
    pub memory_bytes: Option<u64>,
    pub os: Option<String>,
    pub kernel: Option<String>,
    /// Type of the file system that holds the caches.
    pub file_system: Option<String>,
    /// Go settings of the user, other than go's defaults, and variables of go's runtime, under which the module was built.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub go_settings: BTreeMap<String, String>,
    /// Names of the settings and variables of the user that bench replaced or left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub go_settings_left_out: Vec<String>,
}

impl Environment {
    /// Asks the system; `work` is the folder that holds the caches.
    pub fn collect(go: &Go, work: &Path) -> Environment {
        let wanted = RefreshKind::nothing()
            .with_cpu(CpuRefreshKind::nothing())
            .with_memory(MemoryRefreshKind::nothing().with_ram());
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
    pub fn add_settings(&mut self, settings: Option<&UserSettings>, of_remote: Vec<String>) {
        if let Some(settings) = settings {
            self.go_settings.clone_from(&settings.kept);
            self.go_settings_left_out.clone_from(&settings.left_out);
            self.go_settings_left_out.extend(of_remote);
            if let Some(go_work) = &settings.go_work {
                self.go_settings.insert("GOWORK".to_owned(), go_work.display().to_string());
            }
        }
    }

    /// The go settings of the user as the shell takes them; empty where there are none.
    pub fn settings_in_words(&self) -> String {
        let words: Vec<String> = self.go_settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
        words.join(" ")
    }
}
