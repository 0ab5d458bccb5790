//! What is made of a run afterwards: reports, comparisons, and what the command line tells of itself.

#[path = "common/schema.rs"]
mod schema;

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn bench(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bench")).current_dir(folder).args(args).output().unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// A page with its records beside it, and one of results.json alone.
fn assert_pages(folder: &Path, latest: &Path) {
    let page = std::fs::read_to_string(latest.join("report.html")).unwrap();
    for part in [
        "id=\"samples\"",
        "id=\"time\"",
        "id=\"flight\"",
        "id=\"latency\"",
        "id=\"flames\"",
        "id=\"tables\"",
        "id=\"fix\"",
        "id=\"trust\"",
        "drop the file <a href=",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(page.contains("href=\"local-hit/") && !page.contains("id=\"missing\""), "{page}");
    let alone = folder.join("alone");
    std::fs::create_dir(&alone).unwrap();
    std::fs::copy(latest.join("results.json"), alone.join("results.json")).unwrap();
    stdout(&bench(folder, &["report", "alone"]));
    let page = std::fs::read_to_string(alone.join("report.html")).unwrap();
    assert!(page.contains("id=\"samples\"") && page.contains("request.txt is not there"), "{page}");
    assert!(!page.contains("id=\"flight\"") && !page.contains("href=\"local-hit/"), "{page}");
}

/// A folder that nothing can be written into: for root all can, so a report that cannot be replaced stands for it. And a file of
/// another name, which is no reason to write over what lies beside it.
fn assert_only_shown(folder: &Path, latest: &Path) {
    let shown = folder.join("shown");
    std::fs::create_dir_all(shown.join("results.csv/x")).unwrap();
    std::fs::copy(latest.join("results.json"), shown.join("results.json")).unwrap();
    let output = bench(folder, &["report", "shown"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        stdout(&output).contains("local-hit") && said.contains("note: the reports are not written anew: "),
        "{said}"
    );
    std::fs::rename(shown.join("results.json"), folder.join("old.json")).unwrap();
    let output = bench(folder, &["report", "old.json"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(stdout(&output).contains("local-hit") && said.contains("it is not called results.json"), "{said}");
    assert!(!folder.join("results.csv").exists() && !folder.join("report.html").exists());
}

/// Everything above the list of files, which are called by another name.
fn tables(text: &str) -> &str {
    text.split("metrics/").next().unwrap()
}

fn assert_breakdown(round: &Value) {
    let breakdown = &round["time_breakdown"];
    let parts = ["startup_ns", "handshake_ns", "go_only_ns", "overlapped_ns", "blocked_ns", "close_ns", "exit_ns"];
    let sum: u64 = parts.iter().map(|part| breakdown[part].as_u64().unwrap()).sum();
    assert_eq!(Some(sum), round["wall_ns"].as_u64(), "{breakdown}");
    let waits = breakdown["waits"].as_array().unwrap();
    let waited: f64 =
        waits.iter().map(|wait| wait["overlapped_ns"].as_f64().unwrap() + wait["blocked_ns"].as_f64().unwrap()).sum();
    let open = (breakdown["overlapped_ns"].as_u64().unwrap() + breakdown["blocked_ns"].as_u64().unwrap()) as f64;
    assert!((waited - open).abs() <= open * 1e-6 && open > 0.0, "{breakdown}");
}

#[test]
fn a_run_is_reported_again_and_compared_from_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let only = [
        "--scenario",
        "small",
        "--only",
        "go-warm,local-hit",
        "--rounds",
        "5",
        "--no-profile",
        "--until",
        "500%",
        "--details",
    ];
    let printed = stdout(&bench(folder.path(), &only));
    assert!(printed.contains("wall-time breakdown") && printed.contains("Noise: "), "{printed}");
    assert!(printed.contains("is known to ±") || printed.contains("NOT KNOWN"), "{printed}");
    let latest = folder.path().join("metrics/latest");
    let results = read(&latest.join("results.json"));
    let rounds = results["rounds"].as_array().unwrap();
    let of_a: Vec<&Value> = rounds.iter().filter(|round| round["state"] == "local-hit").collect();
    assert!(of_a.len() >= 5);
    of_a.into_iter().for_each(assert_breakdown);
    let of_kind =
        |kind: &str| rounds.iter().filter(|round| round["kind"] == kind && round["state"] == "go-warm").count();
    assert_eq!(of_kind("again"), of_kind("measured"));

    schema::check(&results);
    assert_pages(folder.path(), &latest);
    assert_only_shown(folder.path(), &latest);
    let csv = std::fs::read_to_string(latest.join("results.csv")).unwrap();
    let walls = csv.lines().filter(|line| line.contains(",local-hit,") && line.contains(",wall,")).count();
    assert_eq!(walls, rounds.iter().filter(|round| round["state"] == "local-hit").count());
    let markdown = std::fs::read_to_string(latest.join("results.md")).unwrap();
    assert!(markdown.contains("| go-warm |") && markdown.contains("| wall-time breakdown |"), "{markdown}");

    std::fs::remove_file(latest.join("results.csv")).unwrap();
    let again = stdout(&bench(folder.path(), &["report", "metrics/latest", "--details"]));
    assert_eq!(tables(&again), tables(&printed));
    assert_eq!(std::fs::read_to_string(latest.join("results.csv")).unwrap(), csv);

    compares(folder.path(), &results);
    damaged(folder.path(), &results);
}

/// A run with itself, with one that is slower, and with one of another machine.
fn compares(folder: &Path, results: &Value) {
    let same = stdout(&bench(folder, &["compare", "metrics/latest", "metrics/latest", "--fail-on-inconclusive"]));
    assert!(same.ends_with(" compared with itself: the same.\n"), "{same}");
    let changed = |name: &str, change: &dyn Fn(&mut Value)| {
        let mut changed = results.clone();
        change(&mut changed);
        std::fs::write(folder.join(name), changed.to_string()).unwrap();
    };
    changed("slower.json", &|run| {
        for round in run["rounds"].as_array_mut().unwrap().iter_mut().filter(|round| round["state"] == "local-hit") {
            round["wall_ns"] = (round["wall_ns"].as_u64().unwrap() * 50).into();
            round["time_breakdown"] = Value::Null;
        }
    });
    let slower = bench(folder, &["compare", "metrics/latest", "slower.json", "--fail-over", "5%"]);
    let text = String::from_utf8_lossy(&slower.stdout).into_owned();
    assert!(slower.status.code() == Some(1) && text.contains("SLOWER BY MORE THAN 5.0 %: local-hit."), "{text}");
    let faster = stdout(&bench(folder, &["compare", "slower.json", "metrics/latest", "--fail-over", "5%"]));
    assert!(faster.contains("No state is clearly slower by more than 5.0 %"), "{faster}");
    changed("single.json", &|run| {
        run["run"] = "another".into();
        run["rounds"].as_array_mut().unwrap().retain(|round| round["round"] == 1);
    });
    let single = bench(folder, &["compare", "metrics/latest", "single.json", "--fail-on-inconclusive"]);
    let text = String::from_utf8_lossy(&single.stdout).into_owned();
    let said = String::from_utf8_lossy(&single.stderr);
    assert!(single.status.code() == Some(3) && text.contains("INCONCLUSIVE: "), "{text}{said}");
    changed("elsewhere.json", &|run| run["environment"]["cores"] = 4096.into());
    let refused = bench(folder, &["compare", "metrics/latest", "elsewhere.json"]);
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(2) && text.contains("cannot be compared") && text.contains("4096"), "{text}");
    changed("newer.json", &|run| run["environment"]["kernel"] = "99.9".into());
    let newer = stdout(&bench(folder, &["compare", "metrics/latest", "newer.json", "--markdown", "pr.md"]));
    assert!(newer.contains("Not the same in both: the kernel: ") && newer.contains("99.9 in the second"), "{newer}");
    let markdown = std::fs::read_to_string(folder.join("pr.md")).unwrap();
    assert!(
        markdown.contains("| local-hit | the same |") || markdown.contains("| local-hit | no clear difference |"),
        "{markdown}"
    );
    assert!(markdown.contains("the kernel: ") && markdown.contains("- small.toml · go build"), "{markdown}");
}

/// What is there of a damaged run is reported, and what is missing is named.
fn damaged(folder: &Path, results: &Value) {
    let run = folder.join("damaged");
    let file = run.join("results.json");
    std::fs::create_dir(&run).unwrap();
    let report = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let output = bench(folder, &["report", "damaged", "--details"]);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.success(), text(&output.stdout), text(&output.stderr))
    };
    let whole = std::fs::read_to_string(folder.join("metrics/latest/results.json")).unwrap();
    let rounds = whole.find("\n  \"rounds\": [").unwrap();
    let fourth = whole[rounds..].match_indices("\"state\": \"local-hit\"").nth(3).unwrap().0;
    let (is_well, tables, said) = report(&whole[..rounds + fourth]);
    assert!(
        is_well && said.contains("damaged/results.json is cut off at line ") && said.contains(" rounds; what"),
        "{said}"
    );
    assert!(said.contains("damaged lacks records of its builds: ") && tables.contains("local-hit"), "{said}{tables}");
    let (is_well, _, said) = report(&whole[..100]);
    assert!(!is_well && said.contains("is cut off at line ") && said.contains("next:"), "{said}");
    let (is_well, _, said) = report("{\"schema\": 3, \"rounds\": 3}");
    assert!(!is_well && said.contains("is no results.json as bench writes it") && said.contains("next:"), "{said}");
    let mut older = results.clone();
    older["schema"] = 1.into();
    let (is_well, _, said) = report(&older.to_string());
    assert!(
        !is_well && said.contains("was written by an older bench 0.1.0 in format 1") && said.contains("run it again"),
        "{said}"
    );
    let (is_well, _, said) = report("<html>");
    assert!(!is_well && said.contains("is no JSON at line 1"), "{said}");

    let mut failed = results.clone();
    (failed["ended"], failed["error"]) = ("failed".into(), "no space left".into());
    failed["rounds"]
        .as_array_mut()
        .unwrap()
        .retain(|round| round["state"] != "local-hit" || round["kind"] != "measured");
    let (is_well, tables, said) = report(&failed.to_string());
    assert!(is_well && said.contains(" failed (no space left); what is there is shown"), "{said}");
    assert!(tables.contains("Planned, and not measured: local-hit.") && !tables.contains("\n local-hit "), "{tables}");
    let compared = bench(folder, &["compare", "damaged", "metrics/latest"]);
    let (text, said) = (stdout(&compared), String::from_utf8_lossy(&compared.stderr).into_owned());
    assert!(text.contains("Only in one of the two: local-hit.") && said.contains("no space left"), "{text}{said}");
}

#[test]
fn selftest_has_a_scenario_of_its_own_and_refuses_one_that_injects_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let planned = stdout(&bench(folder.path(), &["selftest", "--dry-run", "--case", "high latency"]));
    let by_its_old_name = stdout(&bench(folder.path(), &["prove", "--dry-run", "--case", "high latency"]));
    assert_eq!(planned, by_its_old_name);
    assert!(planned.contains("scenario  bottlenecks") && planned.contains("remote-hit/high-latency"), "{planned}");
    // A default may stand on two lines.
    let help = |args: &[&str]| stdout(&bench(folder.path(), args)).split_whitespace().collect::<Vec<&str>>().join(" ");
    let whole = help(&["--help"]);
    assert!(whole.contains("[default: workshop]"), "{whole}");
    let help = help(&["selftest", "--help"]);
    assert!(help.contains("[default: bottlenecks]") && !help.contains("[default: workshop]"), "{help}");
    for arguments in [&["--scenario", "small"][..], &["--scenario", "workshop"], &["--case", "low bandwidth, control"]]
    {
        let refused = bench(folder.path(), &[&["selftest"], arguments].concat());
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(refused.status.code() == Some(1) && said.contains("injects no bottleneck"), "{said}");
    }
}

#[test]
fn the_command_line_completes_itself_and_has_man_pages() {
    let folder = tempfile::tempdir().unwrap();
    assert!(stdout(&bench(folder.path(), &["completions", "bash"])).contains("--long-rounds"));
    bench(folder.path(), &["man", "pages"]);
    let page = std::fs::read_to_string(folder.path().join("pages/bench.1")).unwrap();
    assert!(page.contains("GOCACHEPROG") && page.contains("until"), "{page}");
}
