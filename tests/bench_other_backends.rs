//! `bench --backend`: programs that are not ours are timed, seen from outside and judged.

mod common;

use std::path::Path;
use std::process::{Command, Output};

use common::backends::program;
use serde_json::Value;

fn bench(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench"));
    command.current_dir(folder).args(["--scenario", "small", "--rounds", "1"]).args(arguments).output().unwrap()
}

fn results(folder: &Path) -> Value {
    let text = std::fs::read_to_string(folder.join("metrics/latest/results.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn of(name: &str) -> String {
    format!("{name}={}", program(name).display())
}

/// The rules of a state of a backend, the largest saving first; without what other programs on this machine cost.
fn rules(results: &Value, state: &str, name: &str) -> Vec<String> {
    let folder = format!("{state}/{name}/profile");
    let verdict = results["verdicts"].as_array().unwrap().iter().find(|verdict| verdict["folder"] == *folder).unwrap();
    let ranked = verdict["ranked"].as_array().unwrap().iter().map(|found| found["rule"].as_str().unwrap().to_owned());
    ranked.filter(|rule| !["host-cpu", "handshake"].contains(&rule.as_str())).collect()
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let of = |entry: std::fs::DirEntry| match entry.file_type().unwrap() {
        kind if kind.is_dir() => files(&entry.path()),
        kind if kind.is_file() => vec![entry.path()],
        _ => Vec::new(),
    };
    entries.flat_map(of).collect()
}

#[test]
fn each_backend_has_its_times_and_its_bottlenecks() {
    let folder = tempfile::tempdir().unwrap();
    let backends = ["plain", "serial", "forgetful"].map(of);
    let arguments: Vec<&str> = backends.iter().flat_map(|backend| ["--backend", backend]).collect();
    let output = bench(folder.path(), &arguments);
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{errors}");
    assert!(said.contains("go alone") && said.contains("forgetful"), "{said}");
    let results = results(folder.path());
    let first = |state, name| rules(&results, state, name).first().cloned().unwrap_or_default();
    assert_eq!(first("cold", "serial"), "upload-in-put");
    assert_eq!(first("local-hit", "forgetful"), "needless-requests");
    assert!(
        ["lock", "round-trips"].contains(&first("remote-hit", "serial").as_str()),
        "{}",
        first("remote-hit", "serial")
    );
    assert!(["round-trips", "latency"].contains(&first("remote-hit", "forgetful").as_str()));
    assert_eq!(first("remote-hit", "plain"), "latency");
    let warnings = results["summary"]["not_in_state"].to_string();
    assert!(warnings.contains("local-hit/forgetful/1") && warnings.contains("requests to S3"), "{warnings}");
    assert!(!warnings.contains("local-hit/plain") && !warnings.contains("local-hit/serial"), "{warnings}");
    let trace = std::fs::read_to_string(folder.path().join("metrics/latest/remote-hit/serial/profile/trace.json"));
    let trace: Vec<Value> = serde_json::from_str(&trace.unwrap()).unwrap();
    let of_server = trace.iter().filter(|event| event["cat"] == "s3" && event["args"]["request of go"].is_number());
    assert!(of_server.count() > 10, "S3 requests are joined to those of go");
}

#[test]
fn a_connection_for_each_request_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mine = format!("mine={} -new-connections", program("plain").display());
    let output = bench(folder.path(), &["--backend", &mine, "--only", "remote-hit"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found = rules(&results(folder.path()), "remote-hit", "mine");
    assert!(found.contains(&"new-connections".to_owned()), "{found:?}");
}

#[test]
fn a_file_sets_up_a_backend_and_its_secrets_are_in_no_result() {
    let folder = tempfile::tempdir().unwrap();
    let backends = folder.path().join("bench-scenarios/backends");
    std::fs::create_dir_all(&backends).unwrap();
    let text = format!(
        "description = \"x\"\ncommand = \"{} -stdout-open 1ms\"\nlocal = \"{{local}}\"\ns3 = false\n\
         env = {{ CACHE_DIR = \"{{local}}\", TOKEN_OF_MINE = \"hush-hush-hush\" }}\n",
        program("plain").display()
    );
    std::fs::write(backends.join("mine.toml"), text).unwrap();
    let output =
        bench(folder.path(), &["--backend", "mine", "--backend", "ours", "--only", "cold,remote-hit,local-hit"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let results = results(folder.path());
    let states = |name: &str| {
        let cases = results["cases"].as_array().unwrap().iter().filter(|case| case["name"] == name);
        cases.map(|case| case["state"].as_str().unwrap().to_owned()).collect::<Vec<String>>()
    };
    assert_eq!(states("mine"), ["cold", "local-hit"], "it has no remote");
    assert_eq!(states("ours"), ["cold", "remote-hit", "local-hit"]);
    for file in files(&folder.path().join("metrics")) {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!bytes.windows(9).any(|window| window == b"hush-hush"), "{}", file.display());
    }
}

#[test]
fn a_program_that_cannot_be_measured_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for (backend, words) in [
        ("./missing", "there is no program ./missing"),
        ("./mine 'x", "a quote is not closed"),
        ("a=sh", "two backends would be called"),
    ] {
        let output = bench(folder.path(), &["--backend", backend, "--backend", "a=sh"]);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && errors.contains(words) && errors.contains("next:"), "{errors}");
    }
    assert!(!folder.path().join("metrics").exists(), "nothing was run");
}
