//! Measures the same build from the same state with each instrument of the backend off and on.

use anyhow::{Context, Result};

use crate::execute::backend::command::NO_INSTRUMENTS;
use crate::execute::environment;
use crate::execute::go::page_cache;
use crate::execute::round_runner::RoundRunner;
use crate::plan::steps::{Kind, Step};
use crate::results::overhead::{AGAIN, DEFAULT_SET, OverheadRun, Setting};
use crate::scenario::cache_state::CacheState;
use gocacheprog::platform::clock::now_unix_ns;

/// The instruments that are on in timed rounds, with their switch in [`NO_INSTRUMENTS`].
const LIGHT: [(&str, &str); 5] = [
    ("trace", "--no-trace"),
    ("request.txt", "--no-request-log"),
    ("histograms", "--no-histograms"),
    ("wall profile", "--no-wall-profile"),
    ("samples", "--no-samples"),
];

/// Runs the rounds, each with all settings. Returns None after an interrupt before the second round has ended; `say` gets the
/// progress.
///
/// # Errors
/// When a build fails, or is not in its state.
pub fn measure(
    mut runner: RoundRunner<'_>,
    state: CacheState,
    rounds: u32,
    say: impl Fn(&str),
) -> Result<Option<OverheadRun>> {
    let (folder, interrupt) = (runner.folder, runner.interrupt);
    let environment = environment::collect(runner.go, &folder.work.path);
    let mut overhead = OverheadRun::new(&folder.name, now_unix_ns(), state, &runner.plan.packages, environment);
    overhead.settings = settings(state);
    say("preparing the state that the rounds start from");
    let prepared = prepare(&mut runner);
    if interrupt.requested() {
        return Ok(None);
    }
    prepared?;
    let count = overhead.settings.len();
    let mut number = 0;
    for round in 1..=rounds {
        say(&format!("round {round} of {rounds}"));
        let mut samples = Vec::new();
        // Shuffled: a setting must not always follow the same one.
        let mut order: Vec<usize> = (0..count).collect();
        fastrand::shuffle(&mut order);
        for at in order {
            number += 1;
            runner.switches = Some(overhead.settings[at].switches.clone());
            let sample = sample(&mut runner, state, number);
            if interrupt.requested() {
                return Ok((round > 2).then_some(overhead));
            }
            samples.push((at, sample?));
        }
        // Only whole rounds: the samples of all settings are compared by their position.
        samples.into_iter().for_each(|(at, sample)| add(&mut overhead.settings[at], sample));
    }
    Ok(Some(overhead))
}

/// Makes the state that the rounds start from.
fn prepare(runner: &mut RoundRunner<'_>) -> Result<()> {
    let (plan, interrupt) = (runner.plan, runner.interrupt);
    page_cache::page_cache(runner.go, &[&runner.executable], interrupt);
    let steps = plan.steps.iter().filter(|step| step.kind == Kind::Preparation);
    steps.copied().try_for_each(|step| if interrupt.requested() { Ok(()) } else { runner.round(step).map(drop) })
}

/// Long builds have no time for each instrument alone.
fn settings(state: CacheState) -> Vec<Setting> {
    let setting = |name: &str, switches: String| Setting { name: name.to_owned(), switches, ..Setting::default() };
    let none = format!("{NO_INSTRUMENTS} --cpu-profile off");
    let mut settings = vec![setting("none", none.clone()), setting(AGAIN, none.clone())];
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

/// One build.
struct Sample {
    wall_ns: u64,
    cpu_ns: Option<u64>,
    cpu_after_ns: Option<u64>,
    peak_rss_bytes: Option<u64>,
}

fn add(setting: &mut Setting, sample: Sample) {
    setting.walls_ns.push(sample.wall_ns);
    setting.cpu_ns.extend(sample.cpu_ns);
    setting.cpu_after_ns.extend(sample.cpu_after_ns);
    setting.peak_rss_bytes.extend(sample.peak_rss_bytes);
}

fn sample(runner: &mut RoundRunner<'_>, state: CacheState, number: u32) -> Result<Sample> {
    let step = Step { state, case: None, kind: Kind::Measured, round: number };
    let round = runner.round(step)?;
    // Hundreds of rounds with a trace each would fill the disk.
    let _ = std::fs::remove_dir_all(runner.folder.path.join(runner.plan.folder_of(&step)));
    if let Some(wrong) = round.state_checks.iter().find(|check| !check.ok) {
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
