use super::*;
use crate::bench::analysis::compute;
use crate::bench::analysis::study::network::tests::network;
use crate::bench::analysis::study::summary::tests::measured;
use crate::bench::report::html::verdict::tests::verdict;
use crate::bench::results::run::tests::results;

fn run() -> Results {
    let mut rounds = measured(CacheState::GoCold, &[29_500]);
    rounds.extend(measured(CacheState::GoWarm, &[270, 271, 272, 273, 274]));
    rounds.extend(measured(CacheState::Cold, &[30_600]));
    rounds.extend(measured(CacheState::RemoteHit, &[710, 711, 712, 713, 714]));
    rounds.extend(measured(CacheState::LocalHit, &[310, 311, 312, 313, 314]));
    let mut run = results(rounds);
    compute(&mut run);
    run
}

fn files() -> Vec<File> {
    let file = |path: &str, says: &str| File { path: path.to_owned(), says: says.to_owned() };
    vec![
        file("metrics/latest/report.html", "everything, to look at"),
        file("metrics/latest/remote-hit/3/trace.json", "open in https://ui.perfetto.dev"),
    ]
}

fn text(run: &Results, colour: bool) -> String {
    render(run, &files(), "target/debug/bench report --details metrics/latest", View { width: 100, colour })
}

/// Every screen fits on a small terminal.
fn assert_fits(text: &str) {
    assert!(text.lines().count() <= HEIGHT, "{} lines:\n{text}", text.lines().count());
    assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
}

#[test]
fn the_answer_is_the_first_line_and_each_question_has_a_row() {
    let text = text(&run(), false);
    let expected = "Yes: 41× faster on a fresh machine, 95× on this one; 1.1× slower than go's cache";
    assert_eq!(text.lines().next(), Some(expected));
    for row in
        ["fresh machine, full S3  remote-hit", "first build, fills S3   cold", "next build, same disk   local-hit"]
    {
        assert!(text.contains(row), "{row}:\n{text}");
    }
    assert!(text.contains("inconclusive: 1 round\n"), "{text}");
    assert!(text.contains("\nall tables: target/debug/bench report --details metrics/latest\n"), "{text}");
    assert_fits(&text);
}

#[test]
fn a_busy_machine_is_named_first_and_no_factor_is_coloured() {
    let mut run = run();
    assert!(text(&run, true).contains("\u{1b}[38;5;10m"), "{:?}", text(&run, true));
    run.summary.machine = Some(Machine::Busy(0.84));
    let text = text(&run, true);
    let first = "\u{1b}[1mBusy machine (other programs used 84 % of the CPU): do not quote these numbers\u{1b}[0m";
    assert_eq!(text.lines().next(), Some(first));
    assert!(!text.contains("\u{1b}[38;5;"), "{text:?}");
}

#[test]
fn problems_stand_before_the_table() {
    let mut run = run();
    run.summary.not_measured = vec!["cold".to_owned()];
    let text = text(&run, false);
    assert!(text.contains("\n\n! Planned, and not measured: cold.\n\n"), "{text}");
    assert_fits(&text);
}

#[test]
fn every_kind_of_run_fits_on_a_small_terminal() {
    let mut of_network = run();
    of_network.network = Some(network());
    let mut with_verdicts = run();
    with_verdicts.verdicts = vec![verdict(); 4];
    with_verdicts.summary.not_measured = vec!["a long name of a case".to_owned(); 40];
    for run in [of_network, with_verdicts] {
        assert_fits(&text(&run, false));
    }
}

#[test]
fn a_narrow_terminal_loses_columns_from_the_right() {
    let narrow = render(&run(), &files(), "bench report --details metrics/latest", View { width: 60, colour: false });
    assert!(narrow.contains("remote-hit") && narrow.contains("cacheprog"), "{narrow}");
}
