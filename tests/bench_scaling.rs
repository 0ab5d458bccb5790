//! `bench scaling` and `bench overhead`: their samples, and `bench report` on them.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

#[test]
fn manifests_stay_few_and_starts_are_told_for_each_size() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Command::new(env!("CARGO_BIN_EXE_bench"));
    bench.current_dir(&folder).args([
        "scaling",
        "--entries",
        "200,2000",
        "--rounds",
        "2",
        "--commits",
        "20",
        "--rtt",
        "5",
    ]);
    let output = bench.output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stderr}");
    let path = stdout.lines().last().unwrap().split_whitespace().next().unwrap();
    let growth: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    for size in growth["sizes"].as_array().unwrap() {
        let entries = size["entries"].as_u64().unwrap();
        assert!(size["index_bytes"].as_u64().unwrap() >= 32 * entries);
        for kind in ["local", "near", "far"] {
            let starts = size[kind].as_array().unwrap();
            assert_eq!(starts.len(), 2);
            for start in starts {
                let number = |name: &str| start[name].as_u64().unwrap();
                assert!(0 < number("handshake_ns") && number("handshake_ns") < number("first_answer_ns"));
                assert!(number("peak_rss_bytes") > 0);
                let reads = if kind == "local" { 0..=0 } else { 1..=8 };
                assert!(reads.contains(&number("manifests")), "{kind}: {start}");
                let bytes = number("manifest_bytes");
                let most = 8 * entries + 4000;
                assert!(kind == "local" || (6 * entries..most).contains(&bytes), "{bytes} of {entries} entries");
            }
        }
    }
    let commits = growth["commits"].as_array().unwrap();
    let number = |commit: &Value, name: &str| commit[name].as_u64().unwrap();
    let misses: Vec<u64> = commits.iter().map(|commit| number(commit, "misses")).collect();
    assert_eq!((misses.len(), misses[0], &misses[1..]), (21, 1000, &[20; 20][..]));
    for commit in commits {
        assert!(number(commit, "manifests") <= 9, "{commit}");
        assert!(number(commit, "requests") <= 60, "{commit}");
    }
    assert!(!folder.path().join("metrics").read_dir().unwrap().any(|run| run.unwrap().path().join("work").exists()));
    assert!(stdout.contains("round trips") && !stdout.contains('\u{1b}'), "{stdout}");
    assert_reported_again(folder.path(), &stdout);
}

/// `bench report` prints the same as the run did, but for the path in the last line.
fn assert_reported_again(folder: &Path, printed: &str) {
    let mut report = Command::new(env!("CARGO_BIN_EXE_bench"));
    let output = report.current_dir(folder).args(["report", "metrics/latest"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let again = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let (printed, again) = (lines(printed), lines(&again));
    assert_eq!(again[..again.len() - 1], printed[..printed.len() - 1]);
    assert!(again[again.len() - 1].starts_with("metrics/latest/"), "{again:?}");
}

#[test]
fn overhead_has_a_row_for_each_record_and_is_reported_again() {
    let folder = tempfile::tempdir().unwrap();
    let bench = |rounds: &str| {
        let mut bench = Command::new(env!("CARGO_BIN_EXE_bench"));
        bench.current_dir(&folder).args(["overhead", "--scenario", "small", "--rounds", rounds]).output().unwrap()
    };
    let output = bench("2");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && stderr.contains("too few rounds for the line in later reports"), "{stderr}");
    for row in ["none", "none, again", "trace", "request.txt", "histograms", "wall profile", "samples", "all five"] {
        assert!(stdout.contains(&format!("\n {row} ")), "{row}: {stdout}");
    }
    assert!(!folder.path().join("metrics/overhead.json").exists(), "two rounds are too few for later reports");
    assert_reported_again(folder.path(), &stdout);

    let latest = folder.path().join("metrics/latest").canonicalize().unwrap();
    let refused = bench("1");
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(folder.path().join("metrics/latest").canonicalize().unwrap(), latest);
}
