//! Real builds over an S3 server on loopback: both strategies, the workshop's objects, and a remote that fails.

mod common;
#[path = "backend_remote/in_part.rs"]
mod in_part;
#[path = "backend_remote/large.rs"]
mod large;
#[path = "backend_remote/machine.rs"]
mod machine;
#[path = "backend_remote/off.rs"]
mod off;
#[path = "backend_remote/rights.rs"]
mod rights;

use common::{LIST, S3, Workspace, stderr};
use gocacheprog::s3_server::{LinkSettings, Operation, Record};
use gocacheprog::telemetry::profile::pprof_file;
use pprof::protos::Profile;
use std::collections::{HashMap, HashSet};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The workshop's objects, sent beside the answers.
const ASYNC: &str = "--strategy async";

/// A module that is compiled in a second, by a go that uses the server.
fn module(s3: &S3) -> Workspace {
    let mut workspace = Workspace::of_libraries();
    s3.use_in(&mut workspace);
    workspace
}

fn build(workspace: &Workspace, arguments: &str) -> serde_json::Value {
    let output = workspace.run(arguments, &["build", "./..."]);
    assert_eq!(stderr(&output), "CacheProg used.\n");
    workspace.last_session()
}

#[test]
fn both_strategies_fill_the_remote_and_live_on_each_others_objects() {
    for (writer, reader) in [("workshop", "async"), ("async", "workshop")] {
        let s3 = S3::start();
        let workspace = module(&s3);
        let cold = build(&workspace, &format!("--strategy {writer}"));
        assert_eq!((&cold["hits_not_put_here"], &cold["uploads_left"]), (&0.into(), &0.into()), "{cold}");
        assert_eq!(cold["uploads_done"], cold["puts"]);
        let keys: HashMap<String, u64> = s3
            .server
            .log_since(0)
            .into_iter()
            .filter(|r| r.op == Operation::Put)
            .map(|r| (r.key, r.bytes_in))
            .collect();
        assert!(keys.keys().all(|key| key.ends_with("=-d") || key.ends_with("=-a.json")), "{keys:?}");
        std::fs::remove_dir_all(workspace.store()).unwrap();
        let mark = s3.server.mark();
        let remote = build(&workspace, &format!("--strategy {reader}"));
        assert_eq!((&remote["misses"], &remote["puts"], &remote["hits_local"]), (&0.into(), &0.into(), &0.into()));
        let log = s3.server.log_since(mark);
        let is_object = |r: &&Record| r.op == Operation::Get && r.status == Some(200);
        let sent: u64 = log.iter().filter(is_object).map(|r| r.bytes_out).sum();
        assert_eq!(remote["bytes_down"], sent, "all that was handed out was fetched in this run");
        let mark = s3.server.mark();
        let local = build(&workspace, &format!("--strategy {reader}"));
        assert_eq!(local["hits_local"], local["gets"], "what came from the remote is kept locally");
        assert_eq!(s3.server.mark(), mark, "a local hit asks the remote nothing");
    }
}

#[test]
fn what_a_small_remote_does_not_hold_is_not_asked_for() {
    /// The backend may take this long to read the listing, and to send what it had begun to ask for.
    const SLACK: Duration = Duration::from_millis(500);
    let s3 = S3::start();
    let workspace = module(&s3);
    let cold = build(&workspace, ASYNC);
    let log = || s3.server.log_since(0);
    let listings = || log().into_iter().filter(|record| record.op == Operation::List).collect::<Vec<_>>();
    let listing = listings().into_iter().next().expect("the remote was listed");
    assert!(cold["misses"].as_u64().unwrap() > 20);
    let known_from_ns = listing.t_unix_ns + listing.duration_us * 1000 + SLACK.as_nanos() as u64;
    let is_late = |record: &Record| record.op == Operation::Get && record.t_unix_ns > known_from_ns;
    let late: Vec<_> = log().into_iter().filter(is_late).collect();
    // On a slow machine the listing grows old, and is renewed by a get that asks too, or a few at once.
    let renewals = listings().len() - 1;
    assert!(late.len() <= 8 * renewals, "asked for after the listing, with {renewals} renewals: {late:?}");
    let to_the_letter = module(&s3);
    build(&to_the_letter, "--strategy workshop");
    assert_eq!(listings().len(), 1 + renewals, "the workshop's strategy asks for each");
}

/// Wall time of the samples below `root`, and below `root` in a span of that name, nanoseconds.
fn wall_ns(profile: &Profile, root: &str, span: Option<&str>) -> i64 {
    let below = pprof_file::stacks(profile).into_iter();
    let below = below.filter(|(path, _)| path.first() == Some(&root) && span.is_none_or(|span| path.contains(&span)));
    below.map(|(_, values)| values[1]).sum()
}

#[test]
fn the_wall_profile_adds_up_to_the_requests_and_names_who_waits() {
    const DELAY: Duration = Duration::from_millis(20);
    let s3 = S3::start();
    let workspace = module(&s3);
    build(&workspace, ASYNC);
    std::fs::remove_dir_all(workspace.store()).unwrap();
    s3.server.set_link(LinkSettings { first_byte: DELAY, ..LinkSettings::NONE });
    let before = s3.server.mark();
    let session = build(&workspace, ASYNC);
    let profile = pprof_file::read(&workspace.path().join("metrics/pprof/fg.prof")).unwrap();
    let log = std::fs::read_to_string(workspace.path().join("metrics/request.txt")).unwrap();
    let took = log.lines().filter_map(|line| line.split_once("took_ns=")?.1.split(' ').next()?.parse::<i64>().ok());
    let took: i64 = took.sum();
    let requests = wall_ns(&profile, "request", None);
    assert!((requests - took).abs() * 100 <= took, "own times add up to {requests} ns, the requests took {took} ns");
    let hits = session["hits_remote"].as_u64().unwrap();
    // An output that several actions share is fetched once.
    let asked: Vec<_> = s3.server.log_since(before).into_iter().filter(|record| record.op == Operation::Get).collect();
    for (span, ending, at_least) in [("remote.get_meta", "-a.json", hits), ("remote.get_data", "-d", hits / 2)] {
        let count = asked.iter().filter(|record| record.key.ends_with(ending)).count() as u64;
        assert!((at_least..=hits).contains(&count), "{count} keys end in {ending}, of {hits} hits");
        let waited = wall_ns(&profile, "request", Some(span)) as u64;
        assert!(waited >= count * DELAY.as_nanos() as u64, "{span}: {waited} ns in {count} requests");
    }
    assert!(workspace.path().join("metrics/pprof/fg.svg").exists());
}

#[test]
fn workshop_uploads_before_a_put_is_answered_and_async_beside_it() {
    for (strategy, is_before) in [("workshop", true), ("async", false)] {
        let s3 = S3::start();
        s3.server.set_link(LinkSettings { first_byte: Duration::from_millis(50), ..LinkSettings::NONE });
        let workspace = module(&s3);
        let session = build(&workspace, &format!("--strategy {strategy}"));
        let start_ns = session["start_unix_ns"].as_u64().unwrap();
        let stored_ns: HashMap<String, u64> = s3
            .server
            .log_since(0)
            .into_iter()
            .filter(|r| r.op == Operation::Put)
            .map(|r| (r.key, r.t_unix_ns + r.duration_us * 1000))
            .collect();
        let log = std::fs::read_to_string(workspace.path().join("metrics/request.txt")).unwrap();
        let puts: Vec<&str> = log.lines().filter(|line| line.contains("-> ") && line.contains(" put ")).collect();
        let before = puts.iter().filter(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            let answer = format!(" <- {} put ", words[2]);
            let answer = log.lines().find(|line| line.contains(&answer)).unwrap();
            let answered_s: f64 = answer.split(' ').next().unwrap().parse().unwrap();
            let key = words[4].strip_prefix("action=").unwrap().replace('/', "-") + "-a.json";
            stored_ns[&key] < start_ns + (answered_s * 1e9) as u64 + 1_000_000
        });
        let before = before.count();
        // An answer that a busy machine holds up may come after its own upload.
        let is_as_promised = if is_before { before == puts.len() } else { before <= puts.len() / 10 };
        assert!(is_as_promised, "{strategy}: {before} of {} puts", puts.len());
    }
}

#[test]
fn a_remote_that_is_too_slow_for_the_deadline_leaves_a_count() {
    let s3 = S3::start();
    let workspace = module(&s3);
    s3.server.set_link(LinkSettings { first_byte: Duration::from_secs(2), ..LinkSettings::NONE });
    let output = workspace.run("--strategy async --drain-deadline 0.1", &["build", "./..."]);
    let session = workspace.last_session();
    let left = session["uploads_left"].as_u64().unwrap();
    assert!(
        left > 0 && stderr(&output).contains(&format!("{left} entries are not in the remote")),
        "{}",
        stderr(&output)
    );
}

#[test]
fn metadata_is_the_workshops() {
    let s3 = S3::start();
    let workspace = module(&s3);
    build(&workspace, ASYNC);
    let config = s3.config();
    let client = gocacheprog::cache::remote::s3_client::client::S3Client::connect(&config);
    let log = s3.server.log_since(0);
    let metadata: Vec<_> = log.iter().filter(|r| r.op == Operation::Put && r.key.ends_with("-a.json")).collect();
    assert!(!metadata.is_empty());
    for record in metadata {
        let json = s3.block_on(client.get_small(&record.key, 4096)).unwrap().unwrap();
        let object: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(object.as_object().unwrap().keys().collect::<Vec<_>>(), ["OutputID", "Size", "TimeNanos"]);
        let body = format!("{}-d", object["OutputID"].as_str().unwrap().replace('/', "-"));
        let body = s3.block_on(client.get_small(&body, 1 << 30)).unwrap().expect("no metadata without its body");
        assert_eq!(object["Size"], body.len());
    }
}

#[test]
fn damaged_objects_are_misses_and_heal() {
    let s3 = S3::start();
    let workspace = module(&s3);
    build(&workspace, ASYNC);
    let client = gocacheprog::cache::remote::s3_client::client::S3Client::connect(&s3.config());
    let keys: Vec<_> = s3.server.log_since(0).into_iter().filter(|r| r.op == Operation::Put).map(|r| r.key).collect();
    for (n, key) in keys.iter().enumerate() {
        match (n % 4, key.ends_with("-d")) {
            (0, true) => s3.block_on(client.put_bytes(key, "other".into())).unwrap(),
            (1, false) => s3.block_on(client.put_bytes(key, "{\"OutputID\":\"x\"}".into())).unwrap(),
            (2, _) => drop(s3.block_on(client.delete(std::slice::from_ref(key))).unwrap()),
            _ => {}
        }
    }
    std::fs::remove_dir_all(workspace.store()).unwrap();
    build(&workspace, ASYNC);
    let healed = actions_of(&workspace, "stored");
    assert!(!healed.is_empty());
    std::fs::remove_dir_all(workspace.store()).unwrap();
    build(&workspace, ASYNC);
    let missed = actions_of(&workspace, "miss");
    println!("healed {} missed {}", healed.len(), missed.len());
    let still_damaged: Vec<_> = missed.intersection(&healed).collect();
    assert!(still_damaged.is_empty(), "a put replaces what is damaged: {still_damaged:?}");
}

/// Actions of the last session's requests that were answered with `outcome`.
fn actions_of(workspace: &Workspace, outcome: &str) -> HashSet<String> {
    let log = std::fs::read_to_string(workspace.path().join("metrics/request.txt")).unwrap();
    let words = || log.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let answered: HashSet<&str> = words()
        .filter(|words| words.get(1) == Some(&"<-") && words.get(4) == Some(&outcome))
        .map(|words| words[2])
        .collect();
    let requests = words().filter(|words| words.get(1) == Some(&"->") && answered.contains(words[2]));
    requests.filter_map(|words| words.get(4)?.strip_prefix("action=").map(str::to_owned)).collect()
}

#[test]
fn a_remote_that_stops_in_the_middle_of_a_build_does_not_fail_it() {
    for strategy in ["workshop", "async"] {
        let s3 = S3::start();
        let mut workspace = Workspace::new();
        s3.use_in(&mut workspace);
        let arguments = format!("--drain-deadline 5 --strategy {strategy}");
        let build = workspace.go(&arguments, &["run", "."]).stderr(Stdio::piped()).spawn().unwrap();
        common::wait_until("twenty requests", || s3.server.mark() >= 20);
        s3.stop();
        let output = build.wait_with_output().unwrap();
        let text = stderr(&output);
        assert!(output.status.success() && text.contains("42\n"), "{text}");
        assert!(text.contains("S3 is off for this build"), "{text}");
        let session = workspace.last_session();
        let [done, left, puts] = ["uploads_done", "uploads_left", "puts"].map(|name| session[name].as_u64().unwrap());
        assert!(left > 0 && done + left == puts, "{session}");
        assert!(text.contains(&format!("; {left} output")), "{text}");
        assert_eq!(text.matches("cacheprog:").count(), 1, "one line on the remote and what is not out: {text}");
    }
}

/// A store that may only be read and not listed, and is empty; gives its URL and the number of objects asked for.
fn read_only_store() -> (String, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let gets = Arc::new(AtomicU64::new(0));
    let counted = gets.clone();
    let answer = move |mut stream: TcpStream| {
        let mut request = vec![0; 1 << 16];
        let length = stream.read(&mut request).unwrap_or(0);
        // The strategy `workshop` asks whether there is something by HEAD.
        let is_get = request[..length].starts_with(b"GET") || request[..length].starts_with(b"HEAD");
        let text = String::from_utf8_lossy(&request[..length]);
        let is_listing = text.contains("list-type=2");
        // And once whether the bucket is there.
        let is_bucket = ["HEAD /cache ", "HEAD /cache/ "].iter().any(|begin| text.starts_with(begin));
        counted.fetch_add(u64::from(is_get && !is_listing && !is_bucket), Ordering::Relaxed);
        let status = match is_get {
            true if is_bucket => "200 OK",
            true => "404 Not Found",
            false => "403 Forbidden",
        };
        let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        // What is left of a body has to be read, or the answer is lost in a reset.
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    };
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            std::thread::spawn(move || answer(stream));
        }
    });
    (endpoint, gets)
}

#[test]
fn a_key_that_may_only_read_still_reads() {
    for strategy in ["workshop", "async", "pack"] {
        let s3 = S3::start();
        let (endpoint, gets) = read_only_store();
        let mut workspace = module(&s3);
        workspace.set("S3_ENDPOINT", &endpoint);
        let output = workspace.run(&format!("--strategy {strategy}"), &["build", "./..."]);
        let (session, text) = (workspace.last_session(), stderr(&output));
        assert!(text.contains("nothing more is uploaded by this build") && text.contains("denied"), "{text}");
        assert!(!text.contains("S3 is off"), "{text}");
        assert_eq!(session["uploads_left"], session["puts"], "{session}");
        assert_eq!(session["misses"], gets.load(Ordering::Relaxed), "each miss was asked for: {session}");
    }
}

#[test]
fn a_bucket_that_is_missing_is_no_miss_of_the_workshops_strategy() {
    let s3 = S3::start();
    let mut workspace = module(&s3);
    let questions = || s3.server.log_since(0).iter().filter(|r| r.op == Operation::Head && r.key.is_empty()).count();
    build(&workspace, "--strategy workshop");
    assert_eq!(questions(), 1, "a session asks once");
    std::fs::remove_dir_all(workspace.store()).unwrap();
    workspace.set("S3_BUCKET_NAME", "nowhere");
    let output = workspace.run("--strategy workshop", &["build", "./..."]);
    let (session, text) = (workspace.last_session(), stderr(&output));
    assert!(text.contains("S3 is off for this build") && text.contains("no bucket \"nowhere\""), "{text}");
    let (puts, left) = (session["puts"].as_u64(), session["uploads_left"].as_u64());
    assert!(puts == left && puts > Some(0), "{session}");
}

#[test]
fn a_remote_that_cannot_be_used_is_named_in_one_line_and_the_build_goes_on() {
    let s3 = S3::start();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    // A free port could be another test's by the time it is asked; nobody serves tcpmux.
    let closed = "127.0.0.1:1";
    let silent_url = format!("http://{}", silent.local_addr().unwrap());
    let workspace = module(&s3);
    let (expected, _) = workspace.compile(workspace.go("", &LIST).env_remove("GOCACHEPROG"));
    for (name, value, word) in [
        ("S3_BUCKET_NAME", "", "S3_BUCKET_NAME"),
        ("S3_BUCKET_NAME", "nowhere", "no bucket"),
        ("S3_SECRET_ACCESS_KEY", "wrong-secret", "denied access"),
        ("S3_ENDPOINT", &format!("http://{closed}"), "refused"),
        ("S3_ENDPOINT", &silent_url, "no answer"),
        ("S3_ENDPOINT", "ftp://a", "S3_ENDPOINT has a scheme"),
    ] {
        let _ = std::fs::remove_dir_all(workspace.store());
        let (compiled, text) = workspace.compile(workspace.go("--drain-deadline 3", &LIST).env(name, value));
        assert!(compiled == expected && text.contains(word), "{name}={value}: {text}");
        assert_eq!(text.lines().filter(|line| line.starts_with("cacheprog:")).count(), 1, "{text}");
        assert!(!text.contains("wrong-secret") && !text.contains(&s3.credentials.secret_access_key), "{text}");
    }
}
