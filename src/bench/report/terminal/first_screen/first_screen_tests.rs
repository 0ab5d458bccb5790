use super::*;
use crate::analysis::results::tests::results;
use crate::analysis::statistics::noise::tests::again;
use crate::analysis::study::summary::tests::measured;
use crate::analysis::study::{cases as case_study, ci, network};
use crate::analysis::verdict::finding::{Action, Bottleneck, Finding, StateVerdict};
use crate::commands::selftest::tests::outcome;
use crate::plan::run_plan::tests::plan_of;
use crate::plan::study::Study;
use crate::plan::what_if::WhatIf;
use crate::report::terminal::differences;
use crate::scenario::cache_state::CacheState;
use crate::scenario::case::Backend;
use crate::scenario::case::tests::case;
use crate::scenario::rule::Rule;

const PLAIN: View = View { width: 100, colour: false };

/// All five states, `noise_ms` is go-warm once more in each round.
fn five_states(noise_ms: &[u64]) -> Results {
    let mut rounds = measured(CacheState::GoCold, &[28_000]);
    rounds.extend(measured(CacheState::GoWarm, &[260, 261, 262, 263, 264]));
    rounds.extend(again(noise_ms));
    rounds.extend(measured(CacheState::Cold, &[28_040]));
    rounds.extend(measured(CacheState::RemoteHit, &[618, 619, 620, 621, 622]));
    rounds.extend(measured(CacheState::LocalHit, &[286, 287, 288, 289, 290]));
    let mut run = results(rounds);
    run.update();
    run.analysis.verdicts = vec![verdict("remote-hit", 6), verdict("cold", 0), verdict("local-hit", 1)];
    run
}

fn verdict(name: &str, findings: usize) -> StateVerdict {
    let finding = |number: usize| {
        let bottleneck = Bottleneck::Latency { first_byte_ns: number as f64 * 1e6 };
        let action = Action::WhatIf { change: WhatIf::NoLatency, state: CacheState::RemoteHit };
        let found = Finding::new(Rule::Latency, bottleneck, Vec::new()).with(action);
        Finding { saves_ns: Some(50_000_000 / number as u64), ..found }
    };
    StateVerdict {
        name: name.to_owned(),
        setup: CacheState::RemoteHit.into(),
        folder: format!("{name}/3"),
        wall_ns: 620_000_000,
        gets: None,
        manifests_ns: None,
        ranked: (1..=findings).map(finding).collect(),
        beside: Vec::new(),
        too_little: None,
        missing: Vec::new(),
    }
}

fn screen(results: &Results, view: View) -> String {
    let file = |path: &str| File { path: path.to_owned(), says: "everything, to look at".to_owned() };
    let files = [file("metrics/latest/report.html"), file("metrics/latest/remote-hit/3/trace.json")];
    render(results, &files, Path::new("metrics/latest"), view)
}

fn assert_fits(text: &str, width: usize) {
    assert!(text.lines().count() <= LINES, "{} lines: {text}", text.lines().count());
    // A command cannot be broken, and is as long as the path of the program.
    let is_command = |line: &str| line.starts_with(" all tables: ") || line.starts_with(" confirm: ");
    let long = text.lines().find(|line| !is_command(line) && line.chars().count() > width);
    assert_eq!(long, None, "{text}");
}

#[test]
fn the_answer_comes_first_and_all_questions_have_a_row() {
    let text = screen(&five_states(&[260, 261, 262, 263, 265]), PLAIN);
    assert!(text.starts_with("Yes: 45x faster on a fresh machine, 97x on this one; 1.1x slower than go's cache\n\n"));
    let row =
        |words: &str| text.lines().find(|line| line.starts_with(words)).unwrap_or_else(|| panic!("{words}: {text}"));
    assert!(row(" fresh machine, full S3  remote-hit    28.0 s     0.62 s").ends_with("45x faster"), "{text}");
    assert!(row(" first build, fills S3   cold").ends_with("inconclusive: 1 round"), "{text}");
    assert!(row(" next build, same disk   local-hit").ends_with("97x faster"), "{text}");
    assert!(row(" go's own cache is warm  local-hit     0.26 s     0.29 s").ends_with("1.1x slower"), "{text}");
    assert!(row("                         remote-hit").ends_with("2.4x slower"), "{text}");
    assert!(row(" Bottlenecks").ends_with("could save about"), "{text}");
    assert!(row(" remote-hit  S3 is slow").ends_with(" 50.0 ms   8.1 %"), "{text}");
    assert!(text.contains(" cold: no bottleneck found\n"), "{text}");
    assert!(text.contains("what-if --state remote-hit --change latency-0"), "{text}");
    assert!(text.ends_with(" report --details metrics/latest\n"), "{text}");
    assert_fits(&text, WIDTH);
}

#[test]
fn on_a_noisy_machine_nothing_is_coloured() {
    let colour = View { colour: true, ..PLAIN };
    let green = |text: &str| text.contains("\u{1b}[38;5;10m") || text.contains("\u{1b}[1;32m");
    assert!(green(&screen(&five_states(&[260, 261, 262, 263, 265]), colour)));
    let noisy = screen(&five_states(&[460, 261, 262, 363, 665]), colour);
    assert!(noisy.contains("Noisy machine (the same build differs by ") && !green(&noisy), "{noisy}");
    assert!(!noisy.contains("Yes: "), "{noisy}");
}

#[test]
fn a_narrow_terminal_loses_columns_and_no_rows() {
    let text = screen(&five_states(&[260, 261, 262, 263, 265]), View { width: 60, colour: false });
    assert!(text.contains(" go's own cache is warm  local-hit"), "{text}");
    let table: Vec<&str> = text.lines().skip_while(|line| !line.contains("go alone")).take(6).collect();
    assert!(table.iter().all(|line| line.chars().count() <= 60), "{text}");
}

#[test]
fn warnings_stay_when_the_screen_is_full() {
    let mut run = five_states(&[260, 261, 262, 263, 265]);
    run.analysis.summary.records.disagreements =
        vec!["local-hit/1: gets: 7 in session.json, 8 in request.txt".to_owned(); 9];
    run.run.ended = crate::results::run::Ended::Interrupted;
    let text = screen(&run, PLAIN);
    assert!(
        text.contains(" Incomplete: the run ") && text.contains(" The records disagree, so do not trust"),
        "{text}"
    );
    assert!(text.contains("RECORDS DISAGREE") && text.contains("97x faster") && text.contains("2.4x slower"), "{text}");
    assert_fits(&text, WIDTH);
}

#[test]
fn every_kind_of_run_fits_on_one_screen() {
    let fits = |run: &Results, words: &str| {
        let text = screen(run, PLAIN);
        assert!(text.contains(words), "{words}: {text}");
        assert_fits(&text, WIDTH);
    };
    let mut run = results(Vec::new());
    run.run.plan.study = ci::tests::study();
    run.analysis.waves = (0..9).flat_map(|_| ci::tests::waves()).collect();
    fits(&run, " more\n");
    let mut run = results(Vec::new());
    run.run.plan.study = Study::Injected { bottlenecks: Vec::new() };
    run.analysis.selftest = (1..30).map(|number| outcome(&format!("bottleneck {number}"), number != 25)).collect();
    fits(&run, "No: 1 of 29 cases failed: bottleneck 25");
    assert!(screen(&run, PLAIN).lines().nth(3).unwrap().contains("bottleneck 25"), "failures come first");
    let mut run = results(Vec::new());
    (run.analysis.network, run.run.plan.study) = (Some(network::tests::network()), network::tests::study());
    fits(&run, " async not limited    above 18 ms ");
    let mut run = results(Vec::new());
    let backend = Backend { name: "this build".to_owned(), commit: None, executable: None, foreign: None };
    run.run.plan.study = Study::SideBySide { backends: Box::new([backend.clone(), backend]) };
    run.analysis.differences = Some(differences::tests::found());
    fits(&run, "this build against HEAD~3 1a2b3c4: ");
    let mut run = results(Vec::new());
    let of_cases = (1..40).map(|number| case(&format!("name = \"a case with a long name, which is number {number}\"")));
    run.run.plan = plan_of(&[CacheState::RemoteHit], of_cases.collect());
    run.run.plan.study = Study::Cases;
    run.run.rounds =
        (0..39).flat_map(|at| case_study::tests::measured(CacheState::RemoteHit, Some(at), &[100, 120])).collect();
    run.update();
    fits(&run, "Fastest: ");
    run.run.plan.study = Study::WhatIf;
    run.run.plan.cases[1..].iter_mut().for_each(|case| case.baseline = Some(0));
    run.update();
    fits(&run, "Inconclusive: too few rounds to say what a change saves");
}

#[test]
fn colours_take_no_place() {
    let painted = View { colour: true, ..PLAIN }.painted("Yes: faster", Tone::Good);
    assert_eq!((visible(&painted), visible("Yes: faster")), (11, 11));
    let lines = |view| screen(&five_states(&[260, 261, 262, 263, 265]), view).lines().count();
    assert_eq!(lines(View { colour: true, ..PLAIN }), lines(PLAIN));
}
