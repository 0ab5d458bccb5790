//! `bench observe`: what measuring costs. The same build from the same state, with each instrument off and on.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::bench::commands::run::{set_up, view};
use crate::bench::execute::backend::command::NO_INSTRUMENTS;
use crate::bench::execute::environment::Environment;
use crate::bench::execute::folders::run_folders::RunFolder;
use crate::bench::execute::go::page_cache;
use crate::bench::execute::go::toolchain::Go;
use crate::bench::execute::process::interrupt::{EXIT_CODE, Interrupt};
use crate::bench::execute::remote::remote_store::Remote;
use crate::bench::execute::round_runner::RoundRunner;
use crate::bench::plan::run_plan::Plan;
use crate::bench::plan::steps::{Kind, Step};
use crate::bench::report::terminal::overhead::{Observation, PRICE_FILE, Setting, signed};
use crate::bench::scenario::args::BenchArgs;
use crate::bench::scenario::cache_state::CacheState;
use crate::bench::scenario::file::Scenario;
use crate::note;
use crate::platform::clock::now_unix_ns;
use crate::stdout;

/// The instruments that are on in timed rounds, by the switch that is left out of [`NO_INSTRUMENTS`].
const LIGHT: [(&str, &str); 5] = [
    ("trace", "--no-trace"),
    ("request.txt", "--no-request-log"),
    ("histograms", "--no-histograms"),
    ("wall profile", "--no-wall-profile"),
    ("samples", "--no-samples"),
];
/// Name of the setting that timed rounds have.
pub const DEFAULT_SET: &str = "all five";

/// What the columns are.
const WORDS: &str = "more: the median of the ratios or differences within each round, and its interval (99 % from eight rounds on).\n\
                     cpu: of the backend while go waited for it; after: when go had been let go.";

/// Measures what the instruments of the backend cost a build.
#[derive(Debug, Clone, clap::Args)]
pub struct ObserveArgs {
    /// Package pattern for `go build` [default: what the scenario says]
    #[arg(value_name = "PACKAGES")]
    packages: Option<String>,
    /// Scenario that says what is built
    #[arg(long, value_name = "NAME", default_value = "speed")]
    scenario: String,
    /// The cache state: local-hit with each instrument alone; remote-hit or cold with all of them or none
    #[arg(long, alias = "leg", value_name = "STATE", default_value = "local-hit")]
    state: CacheState,
    /// Rounds; each runs every setting once. With at least 10 of them for a, every later report tells the price
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(2..))]
    rounds: u32,
    /// Folder of the results
    #[arg(long, value_name = "DIR", default_value = "metrics")]
    out: PathBuf,
}

/// Runs the rounds, prints the table on stdout, and keeps it for the reports of later runs.
///
/// # Errors
/// When a build fails, or a run was not in its state.
pub fn observe(args: &ObserveArgs) -> Result<ExitCode> {
    let (name, scenario) = Scenario::load(&args.scenario)?;
    anyhow::ensure!(args.state.uses_backend(), "{} has no backend to observe\n  next:  give a, b or c", args.state);
    let plan = Plan::resolve(&name, &scenario, &bench_args(args))?;
    let interrupt = Interrupt::listen()?;
    let go = Go::find()?;
    let remote = Remote::start(&plan, &interrupt)?;
    let folder = RunFolder::create(&args.out, "observe")?;
    let machine = set_up(&plan, &go, &folder, &interrupt, Some(remote), None)?;
    let Some(observation) = measure(machine, args.state, args.rounds)? else {
        note::line("interrupted: too few rounds to tell a price");
        return Ok(ExitCode::from(EXIT_CODE));
    };
    folder.keep();
    observation.write(&folder.path)?;
    if args.state == CacheState::LocalHit && observation.tells_a_price() {
        // What the reports of later runs tell.
        observation.write(&folder.out)?;
    }
    let table = observation.render(view());
    let last = folder.path.join(PRICE_FILE);
    stdout::print(&format!("{table}\n\n{WORDS}\n{}\n{}  every sample\n", noise(&observation), last.display()))?;
    if args.state == CacheState::LocalHit && !observation.tells_a_price() {
        note::line("too few rounds for the line in the reports: it takes 10");
    }
    if interrupt.requested() {
        note::line("interrupted: the table has the whole rounds so far");
        return Ok(ExitCode::from(EXIT_CODE));
    }
    Ok(ExitCode::SUCCESS)
}

/// The arguments of a bench that only times this run, without a profile.
fn bench_args(args: &ObserveArgs) -> BenchArgs {
    let state = args.state.to_string();
    let words = ["--only", &state, "--rounds", "1", "--long-rounds", "1", "--no-profile"];
    let mut parsed = BenchArgs::of(words.map(OsString::from));
    parsed.packages.clone_from(&args.packages);
    parsed
}

/// `None` after an interrupt that came before the second round.
fn measure(mut machine: RoundRunner<'_>, state: CacheState, rounds: u32) -> Result<Option<Observation>> {
    let (go, folder, interrupt) = (machine.go, machine.folder, machine.interrupt);
    let started = now_unix_ns();
    let mut observation = Observation::new(&folder.name, started, state, &machine.plan.packages);
    let environment = Environment::collect(go, &folder.work.path);
    observation.go_version = environment.go_version;
    (observation.cpu_model, observation.cores) = (environment.cpu_model, environment.cores);
    observation.settings = settings(state);
    note::line("making the state that the runs start from");
    page_cache::page_cache(go, &[&machine.executable], interrupt);
    for step in machine.plan.steps.iter().filter(|step| step.kind == Kind::Preparation) {
        let made = machine.round(*step);
        if interrupt.requested() {
            return Ok(None);
        }
        made?;
    }
    let count = observation.settings.len();
    let mut number = 0;
    for round in 1..=rounds {
        note::line(format_args!("round {round} of {rounds}"));
        let mut done = Vec::new();
        // In any order: a setting must not always follow the same one.
        let mut order: Vec<usize> = (0..count).collect();
        fastrand::shuffle(&mut order);
        for at in order {
            number += 1;
            machine.switches = Some(observation.settings[at].switches.clone());
            let sample = sample(&mut machine, state, number);
            if interrupt.requested() {
                return Ok((round > 2).then_some(observation));
            }
            done.push((at, sample?));
        }
        // Only whole rounds: the samples of all settings have to lie side by side.
        done.into_iter().for_each(|(at, sample)| observation.settings[at].add(sample));
    }
    Ok(Some(observation))
}

/// Long runs have no time for each instrument alone.
fn settings(state: CacheState) -> Vec<Setting> {
    let setting = |name: &str, switches: String| Setting { name: name.to_owned(), switches, ..Setting::default() };
    let none = format!("{NO_INSTRUMENTS} --cpu-profile off");
    let mut settings = vec![setting("none", none.clone()), setting("none, again", none.clone())];
    if state == CacheState::LocalHit {
        settings.extend(LIGHT.map(|(name, switch)| setting(name, none.replace(&format!("{switch} "), ""))));
    }
    settings.push(setting(DEFAULT_SET, "--cpu-profile off".to_owned()));
    settings.push(setting("all and capture", "--cpu-profile off --capture".to_owned()));
    settings.push(setting("all and CPU profile", "--cpu-profile on".to_owned()));
    if cfg!(feature = "heap-profile") {
        settings.push(setting("all and heap profile", "--cpu-profile off --heap-profile".to_owned()));
    }
    settings
}

/// What one build came to.
struct Sample {
    wall_ns: u64,
    cpu_ns: Option<u64>,
    cpu_after_ns: Option<u64>,
    peak_rss_bytes: Option<u64>,
}

impl Setting {
    fn add(&mut self, sample: Sample) {
        self.walls_ns.push(sample.wall_ns);
        self.cpu_ns.extend(sample.cpu_ns);
        self.cpu_after_ns.extend(sample.cpu_after_ns);
        self.peak_rss_bytes.extend(sample.peak_rss_bytes);
    }
}

fn sample(machine: &mut RoundRunner<'_>, state: CacheState, number: u32) -> Result<Sample> {
    let step = Step { state, case: None, kind: Kind::Measured, round: number };
    let round = machine.round(step)?;
    // Hundreds of rounds with a trace each would fill the disk.
    let _ = std::fs::remove_dir_all(machine.folder.path.join(machine.plan.folder_of(&step)));
    let wrong = round.state_checks.iter().find(|finding| !finding.ok);
    if let Some(wrong) = wrong {
        anyhow::bail!("a build was not in its state: expected {}, saw {}", wrong.expected, wrong.seen);
    }
    let session = round.session.context("the backend left no summary")?;
    Ok(Sample {
        wall_ns: round.wall_ns,
        cpu_ns: session.cpu_user_ns.zip(session.cpu_system_ns).map(|(user, system)| user + system),
        cpu_after_ns: session.render_cpu_ns,
        peak_rss_bytes: session.peak_rss_bytes,
    })
}

fn noise(observation: &Observation) -> String {
    let again = observation.price("none, again");
    again.map_or(String::new(), |again| {
        format!(
            "none: only the summary of the session. none, again: the same once more, so its interval ({} to {}) is\n\
             the noise of {} rounds.",
            signed(again.low),
            signed(again.high),
            again.rounds
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_leaves_its_own_switch_out() {
        assert_eq!(settings(CacheState::LocalHit).len(), settings(CacheState::Cold).len() + LIGHT.len());
        let settings = settings(CacheState::LocalHit);
        assert_eq!(settings[0].switches, settings[1].switches);
        for ((name, switch), setting) in LIGHT.iter().zip(&settings[2..]) {
            assert_eq!(*name, setting.name);
            assert!(!setting.switches.contains(switch), "{}", setting.switches);
            assert_eq!(setting.switches.matches("--no-").count(), LIGHT.len() - 1);
        }
    }
}
