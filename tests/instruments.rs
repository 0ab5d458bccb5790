//! The records: whether they tell the truth, agree, stay small, and survive.

mod common;

use std::collections::HashMap;
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::time::Instant;

use common::backend::{Backend, wire};
use gocacheprog::telemetry::profile::pprof_file;
use gocacheprog::telemetry::{Latencies, check_agreement, read_request_log};
use serde_json::Value;

/// The injected delay, and the number of requests that have it.
const DELAY_MS: f64 = 20.0;
const GETS: u64 = 120;
const EVERY: u64 = 4;
/// The number of the process that stands for what goes on beside the requests is so much more.
const GROUP: u64 = 1_000_000_000;

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

/// The folder of the only session below `folder`, when it has ended.
fn session_folder(folder: &Path) -> PathBuf {
    let session = common::sessions(&folder.join("metrics")).remove(0);
    common::read_session(&session);
    session
}

/// Values of one tag of a histogram log that are at least `least`: how many, and their sum.
fn histogram_sum(path: &Path, tag: &str, least: u64) -> (u64, u64) {
    let latencies = Latencies::read(&std::fs::read(path).unwrap()).unwrap();
    let histogram = latencies.iter().find_map(|(name, histogram)| (name == tag).then_some(histogram));
    let values = histogram.into_iter().flat_map(|histogram| histogram.iter_recorded());
    let values = values.filter(|value| value.value_iterated_to() >= least);
    values.fold((0, 0), |(count, sum), value| {
        (count + value.count_at_value(), sum + value.count_at_value() * value.value_iterated_to())
    })
}

/// Own wall time by path of a wall-clock profile, outermost first.
fn wall_times(path: &Path) -> HashMap<Vec<String>, u64> {
    let profile = pprof_file::read(path).unwrap();
    let own = pprof_file::stacks(&profile).into_iter();
    own.map(|(stack, values)| (stack.into_iter().map(str::to_owned).collect(), values[1] as u64)).collect()
}

#[test]
fn each_record_names_the_stage_that_was_delayed_and_by_how_much() {
    let folder = tempfile::tempdir().unwrap();
    let plant = format!("local.lookup:{DELAY_MS}:{EVERY}");
    let mut backend = Backend::start(folder.path(), &["--inject-delay", &plant]);
    backend.put(1, 1, b"body");
    let get = |id: u64| {
        let begun = Instant::now();
        backend.get(2 + id as i64, 1 + (id % 2) as u8);
        begun.elapsed().as_nanos() as u64
    };
    let mut waited: Vec<u64> = (0..GETS).map(get).collect();
    backend.end();
    let session = session_folder(folder.path());
    let injected = &common::read_session(&session)["injected_delay"];
    let (count, slept_ns) = (injected["count"].as_u64().unwrap(), injected["slept_ns"].as_u64().unwrap());
    assert_eq!(count, GETS / EVERY);
    assert!(slept_ns as f64 >= count as f64 * DELAY_MS * 1e6);
    let least_ns = (DELAY_MS * 1e6) as u64;
    waited.retain(|ns| *ns >= least_ns);
    // A lookup that the machine held up by itself is as long as an injected one, in all records, and for who asked.
    let mut by_itself = None;
    let mut is_it = |name: &str, (seen, sum_ns): (u64, u64)| {
        assert!(
            seen <= waited.len() as u64 && sum_ns <= waited.iter().sum::<u64>(),
            "{name}: {seen}, {sum_ns} ns of {waited:?}"
        );
        let (more, more_ns) = *by_itself.get_or_insert((seen - count, sum_ns.saturating_sub(slept_ns)));
        assert_eq!(seen, count + more, "{name}");
        let expected_ns = slept_ns + if more > 0 { more_ns } else { 0 };
        assert!(sum_ns.abs_diff(expected_ns) as f64 <= 0.05 * slept_ns as f64, "{name}: {sum_ns} for {expected_ns}");
    };

    let log = read_request_log(&std::fs::read_to_string(session.join("request.txt")).unwrap()).unwrap();
    let stages: Vec<_> = log.lines.iter().filter_map(|(_, line)| Some(line.answer()?.times.stages_ns())).collect();
    let of_gets = stages.iter().map(|[_, body_ns, local_ns, ..]| if *body_ns == 0 { *local_ns } else { 0 });
    let all_ns: u64 = of_gets.clone().sum();
    let local: Vec<u64> = of_gets.filter(|ns| *ns >= least_ns).collect();
    is_it("request.txt", (local.len() as u64, local.iter().sum()));
    let others: u64 = stages.iter().map(|[queue, body, _, remote, respond]| queue + body + remote + respond).sum();
    assert!(others < slept_ns / 2, "request.txt blames another stage: {others} ns");

    let trace = json(&session.join("trace.json"));
    let slices = trace.as_array().unwrap().iter().filter(|event| event["name"] == "local.lookup");
    let slices: Vec<u64> = slices.map(|event| (event["dur"].as_f64().unwrap() * 1000.0) as u64).collect();
    let long: Vec<u64> = slices.into_iter().filter(|ns| *ns >= least_ns).collect();
    is_it("trace.json", (long.len() as u64, long.iter().sum()));

    // A histogram keeps three digits, and a bucket may begin below what it holds.
    is_it("latency.hlog", histogram_sum(&session.join("latency.hlog"), "local.lookup", least_ns - least_ns / 500));

    let wall = wall_times(&session.join("pprof/fg.prof"));
    let (longest, wall_ns) = wall.iter().max_by_key(|(_, ns)| **ns).unwrap();
    assert_eq!(longest.join(";"), "request;get;local.lookup");
    // All of that stage, the short ones too.
    assert!(*wall_ns >= slept_ns && wall_ns.abs_diff(all_ns) as f64 <= 0.05 * all_ns as f64, "{wall_ns} of {all_ns}");
    assert_eq!(check_agreement(&session).disagreements, Vec::<String>::new());
}

#[test]
fn a_hundred_thousand_requests_stay_in_bounds() {
    const REQUESTS: u64 = 100_000;
    let folder = tempfile::tempdir().unwrap();
    // A slow session takes a CPU profile, which needs much memory.
    let mut backend = Backend::start(folder.path(), &["--cpu-profile", "off"]);
    backend.put(1, 1, &[3; 5000]);
    let keys = [wire(1), wire(2)];
    let ask = |id: u64| format!("{{\"ID\":{id},\"Command\":\"get\",\"ActionID\":\"{}\"}}\n\n", keys[id as usize % 2]);
    let mut line = String::new();
    // As many in flight as go has on a machine of 16 cores.
    for first in (2..=REQUESTS).step_by(16) {
        let ids = first..=REQUESTS.min(first + 15);
        backend.send(&ids.clone().map(ask).collect::<String>());
        for _ in ids {
            line.clear();
            backend.stdout.read_line(&mut line).unwrap();
        }
    }
    backend.end();
    let session = session_folder(folder.path());
    let summary = common::read_session(&session);
    let peak = summary["peak_rss_bytes"].as_u64().unwrap();
    assert!(peak < 150_000_000, "{peak} bytes of memory");
    for name in ["trace.json", "request.txt", "latency.hlog", "pprof/fg.prof"] {
        let bytes = std::fs::metadata(session.join(name)).unwrap().len();
        assert!(bytes <= 600 * REQUESTS, "{name}: {} bytes a request", bytes / REQUESTS);
    }
    let agreement = check_agreement(&session);
    assert_eq!((agreement.requests, agreement.disagreements), (REQUESTS, Vec::new()));
}

/// Runs a session whose records in `session` meet trouble: it works, and says each of `lines` once.
fn goes_on_without(folder: &Path, session: &Path, lines: [&str; 3]) {
    let mut backend = Backend::start(folder, &["--session", session.to_str().unwrap()]);
    backend.put(1, 1, b"body");
    assert!(backend.get(2, 1)["DiskPath"].is_string());
    let (code, _, stderr) = backend.end();
    assert_eq!(code, Some(0), "{stderr}");
    for words in lines {
        assert_eq!(stderr.matches(words).count(), 1, "{words}: {stderr}");
    }
    assert_eq!(common::read_session(session)["gets"], 1);
}

#[test]
fn a_record_that_cannot_be_written_is_given_up_alone() {
    let folder = tempfile::tempdir().unwrap();
    let session = folder.path().join("records");
    for name in ["trace.json", "pprof/fg.prof", "latency.hlog"] {
        std::fs::create_dir_all(session.join(name)).unwrap();
    }
    goes_on_without(folder.path(), &session, ["no trace", "no wall-clock profile", "no latency.hlog"]);
    let log = read_request_log(&std::fs::read_to_string(session.join("request.txt")).unwrap()).unwrap();
    assert_eq!(log.lines.len(), 4);
}

#[test]
fn a_killed_session_leaves_what_is_older_than_a_second() {
    let folder = tempfile::tempdir().unwrap();
    let mut backend = Backend::start(folder.path(), &["--cpu-profile", "off"]);
    backend.put(1, 1, b"body");
    for id in 2..20 {
        backend.get(id, 1);
    }
    // Nothing ends the session: what a second has brought to the file is all that there is.
    let trace = folder.path().join("metrics/trace.json");
    let ids = || -> Vec<i64> {
        let text = std::fs::read_to_string(&trace).unwrap_or_default();
        // The viewers take an array without an end; what is cut is the last line at most.
        let Some(end) = text.rfind(",\n") else { return Vec::new() };
        let events: Vec<Value> = serde_json::from_str(&format!("{}]", &text[..end])).unwrap();
        let requests = events.iter().filter(|event| event["name"] == "request");
        requests.filter_map(|event| event["args"]["id"].as_i64()).collect()
    };
    common::wait_until("the requests in the file", || ids().contains(&19));
    backend.child.kill().unwrap();
    backend.child.wait().unwrap();
    assert_eq!(ids(), (1..20).collect::<Vec<i64>>());
}

/// Slices of one row have to lie beside each other or within each other.
fn check_nesting(events: &[&Value]) {
    let mut slices: Vec<(f64, f64, &str)> = events
        .iter()
        .map(|event| {
            let (start, length) = (event["ts"].as_f64().unwrap(), event["dur"].as_f64().unwrap());
            assert!(start >= 0.0 && length >= 0.0, "{event}");
            (start, start + length, event["name"].as_str().unwrap())
        })
        .collect();
    slices.sort_by(|one, two| one.0.total_cmp(&two.0).then(two.1.total_cmp(&one.1)));
    let mut open: Vec<(f64, f64, &str)> = Vec::new();
    for slice in slices {
        open.retain(|parent| parent.1 > slice.0 + 0.002);
        if let Some(parent) = open.last() {
            assert!(slice.1 <= parent.1 + 0.002, "{slice:?} sticks out of {parent:?}");
        }
        open.push(slice);
    }
}

#[test]
fn the_trace_of_a_build_keeps_the_format() {
    let s3 = common::S3::start();
    let mut workspace = common::Workspace::of_libraries();
    s3.use_in(&mut workspace);
    let arguments = ["build", "./..."];
    workspace.run("--strategy async", &arguments);
    let count = check_trace(&workspace);
    assert_eq!(count("upload"), workspace.last_session()["uploads_done"].as_u64().unwrap());
    assert!(count("remote.put_data") > 0 && count("remote.put_meta") > 0);

    std::fs::remove_dir_all(workspace.store()).unwrap();
    s3.server.clear("");
    workspace.run("--strategy pack", &arguments);
    let count = check_trace(&workspace);
    assert_eq!(count("upload"), count("remote.put_pack"));
    std::fs::remove_dir_all(workspace.store()).unwrap();
    workspace.run("--strategy pack", &arguments);
    let count = check_trace(&workspace);
    assert_eq!(count("remote.list"), 1);
    assert!(count("remote.get_manifest") > 0 && count("prefetch") > 0 && count("prefetch") == count("remote.get_pack"));
}

/// Names of all slices of a trace.
fn slices(trace: &Value) -> impl Iterator<Item = &str> {
    let slices = trace.as_array().unwrap().iter().filter(|event| event["ph"] == "X");
    slices.map(|event| event["name"].as_str().unwrap())
}

/// Checks the trace of the last session; gives what counts its spans of a name.
fn check_trace(workspace: &common::Workspace) -> impl Fn(&str) -> u64 {
    let summary = workspace.last_session();
    let trace = json(&workspace.path().join("metrics/trace.json"));
    let events = trace.as_array().unwrap();
    let own = summary["pid"].as_u64().unwrap();
    let mut rows: HashMap<(u64, u64), Vec<&Value>> = HashMap::new();
    for event in events {
        // What goes on beside the requests lies in a group of its own.
        let pid = event["pid"].as_u64().unwrap();
        assert!(pid == own || pid == own + GROUP, "{event}");
        match event["name"].as_str().unwrap() {
            "request" | "respond" => assert_eq!(pid, own),
            "upload" | "flush" | "prefetch" => assert_eq!(pid, own + GROUP),
            _ => {}
        }
        match event["ph"].as_str().unwrap() {
            "X" => {
                rows.entry((event["pid"].as_u64().unwrap(), event["tid"].as_u64().unwrap())).or_default().push(event)
            }
            "C" => assert!(event["args"].as_object().unwrap().values().all(Value::is_number), "{event}"),
            "M" => {}
            other => panic!("{other}: {event}"),
        }
    }
    rows.values().for_each(|row| check_nesting(row));
    let processes = events.iter().filter(|event| event["name"] == "process_name");
    let named: HashMap<_, _> = processes.map(|event| (event["pid"].as_u64(), event["args"]["name"].as_str())).collect();
    assert_eq!(named[&Some(own)], Some("cacheprog: requests from go"));
    let background = named.get(&Some(own + GROUP)).copied().flatten();
    assert_eq!(background, Some("cacheprog background: uploads, prefetch, maintenance"), "{named:?}");
    let names = events.iter().filter(|event| event["name"] == "thread_name");
    let named: Vec<_> = names.map(|event| (event["pid"].as_u64().unwrap(), event["tid"].as_u64().unwrap())).collect();
    assert!(rows.keys().all(|row| named.contains(row)), "{named:?}");
    let count = |wanted: &str| slices(&trace).filter(|name| *name == wanted).count() as u64;
    let requests = summary["gets"].as_u64().unwrap() + summary["puts"].as_u64().unwrap() + 1;
    let short = events.iter().filter(|event| event["args"]["respond_us"].is_f64()).count() as u64;
    assert_eq!((count("request"), count("respond") + short), (requests, requests));
    assert!(count("flush") <= 1);
    let tracks: Vec<_> =
        events.iter().filter(|event| event["ph"] == "C").map(|event| event["name"].as_str().unwrap()).collect();
    for track in ["requests in flight", "uploads queued", "S3 connections", "CPU (cores)", "memory (bytes)"] {
        assert!(tracks.contains(&track), "{track} is not in {tracks:?}");
    }
    assert!(summary["resources"]["go"]["peak_resident_bytes"].as_u64().unwrap() > 0, "{summary}");
    let names: Vec<String> = slices(&trace).map(str::to_owned).collect();
    move |wanted| names.iter().filter(|name| *name == wanted).count() as u64
}

#[test]
fn each_record_has_its_switch() {
    for (switch, gone) in [
        ("--no-trace", "trace.json"),
        ("--no-request-log", "request.txt"),
        ("--no-wall-profile", "pprof/fg.prof"),
        ("--no-histograms", "latency.hlog"),
        ("--cpu-profile=off", "pprof/cpu.txt"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut backend = Backend::start(folder.path(), &[switch]);
        backend.get(1, 1);
        backend.end();
        let session = session_folder(folder.path());
        for name in ["trace.json", "request.txt", "pprof/fg.prof", "latency.hlog", "pprof/cpu.txt"] {
            assert_eq!(session.join(name).exists(), name != gone, "{switch}: {name}");
        }
        assert_eq!(check_agreement(&session).disagreements, Vec::<String>::new());
        assert!(json(&session.join("session.json"))["resources"].is_object());
    }
    let folder = tempfile::tempdir().unwrap();
    let mut backend = Backend::start(folder.path(), &["--no-samples"]);
    backend.get(1, 1);
    backend.end();
    assert!(json(&session_folder(folder.path()).join("session.json"))["resources"].is_null());
}

#[test]
fn captured_bytes_are_those_that_passed() {
    let folder = tempfile::tempdir().unwrap();
    let mut backend = Backend::start(folder.path(), &["--capture"]);
    let put = common::backend::put_text(1, 1, b"body", &common::backend::output_of(b"body"));
    backend.send(&put);
    let mut line = String::new();
    backend.stdout.read_line(&mut line).unwrap();
    backend.end();
    let session = session_folder(folder.path());
    assert_eq!(std::fs::read_to_string(session.join("stdin.txt")).unwrap(), put);
    let stdout = std::fs::read_to_string(session.join("stdout.txt")).unwrap();
    assert_eq!(stdout, format!("{{\"ID\":0,\"KnownCommands\":[\"get\",\"put\",\"close\"]}}\n{line}"));
}

#[test]
fn the_heap_profile_has_what_was_held_at_the_peak_and_all_that_was_allocated() {
    let folder = tempfile::tempdir().unwrap();
    let mut backend = Backend::start(folder.path(), &["--heap-profile"]);
    for id in 1..200 {
        backend.put(id, id as u8, &vec![id as u8; 50_000]);
    }
    let (code, _, stderr) = backend.end();
    assert_eq!(code, Some(0), "{stderr}");
    let pprof = session_folder(folder.path()).join("pprof");
    if !cfg!(feature = "heap-profile") {
        assert!(stderr.contains("build it with --features heap-profile"), "{stderr}");
        return;
    }
    let profile = pprof_file::read(&pprof.join("mem.pprof")).unwrap();
    let sum = |at: usize| profile.sample.iter().map(|sample| sample.value[at]).sum::<i64>();
    assert!(sum(3) > 200_000, "the read buffer alone is larger than {}", sum(3));
    assert!(sum(1) >= sum(3), "{} allocated, {} held", sum(1), sum(3));
    assert!(pprof.join("mem.svg").exists() && !pprof.join("cpu.pprof").exists());
}

#[test]
fn each_switch_has_its_variable() {
    let folder = tempfile::tempdir().unwrap();
    let variables = ["TRACE", "REQUEST_LOG", "WALL_PROFILE", "HISTOGRAMS", "SAMPLES"];
    let mut command = common::cacheprog();
    command.current_dir(folder.path()).env("CACHEPROG_CPU_PROFILE", "off");
    command.envs(variables.map(|name| (format!("CACHEPROG_NO_{name}"), "1")));
    let output = command.stdin(std::process::Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", common::stderr(&output));
    let session = session_folder(folder.path());
    let mut left: Vec<_> = std::fs::read_dir(&session).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["session.json", "session.lock"]);
    assert!(json(&session.join("session.json"))["resources"].is_null());
}

#[test]
fn a_disk_without_room_costs_the_records_and_not_the_session() {
    let folder = tempfile::tempdir().unwrap();
    let session = folder.path().join("records");
    std::fs::create_dir_all(&session).unwrap();
    for name in ["trace.json", "request.txt", "latency.hlog"] {
        std::os::unix::fs::symlink("/dev/full", session.join(name)).unwrap();
    }
    goes_on_without(folder.path(), &session, ["the trace is not complete", "no request log", "no latency.hlog"]);
    assert!(session.join("pprof/fg.prof").exists());
}

#[test]
fn delays_in_other_stages_are_named_too() {
    for stage in ["queue", "body", "local.write", "respond"] {
        let folder = tempfile::tempdir().unwrap();
        let mut backend = Backend::start(folder.path(), &["--inject-delay", &format!("{stage}:50:1")]);
        for id in 1..6 {
            backend.put(id, id as u8, b"body");
        }
        backend.end();
        let session = session_folder(folder.path());
        let slept_ns = common::read_session(&session)["injected_delay"]["slept_ns"].as_u64().unwrap();
        let wall = wall_times(&session.join("pprof/fg.prof"));
        let (longest, ns) = wall.iter().max_by_key(|(_, ns)| **ns).unwrap();
        assert_eq!(longest.last().unwrap(), stage, "{wall:?}");
        assert!(*ns >= slept_ns, "{stage}: {ns} for {slept_ns}");
    }
}
