//! Real builds with the strategy `pack` over an S3 server on loopback.

mod common;
#[cfg(target_os = "linux")]
#[path = "backend_pack/limits.rs"]
mod limits;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use common::{LIST, S3, Workspace, compiled, stderr};
use gocacheprog::cache::remote::s3_client::client::S3Client;
use gocacheprog::s3_server::{LinkSettings, Operation};
use serde_json::Value;

const PACK: &str = "--strategy pack";

fn build(workspace: &Workspace, arguments: &str) -> Value {
    let output = workspace.run(arguments, &["build", "./..."]);
    assert_eq!(stderr(&output), "CacheProg used.\n");
    workspace.last_session()
}

/// Builds the program; gives it with the summary of the session.
fn build_program(workspace: &Workspace) -> (Value, Vec<u8>) {
    let output = workspace.run(PACK, &["build", "-o", "../m", "."]);
    assert_eq!(stderr(&output), "CacheProg used.\n");
    (workspace.last_session(), std::fs::read(workspace.path().join("m")).unwrap())
}

fn number(session: &Value, name: &str) -> u64 {
    session[name].as_u64().unwrap_or_else(|| panic!("{name} in {session}"))
}

/// Keys that the server has been given so far.
fn keys(s3: &S3) -> BTreeSet<String> {
    s3.server.log_since(0).into_iter().filter(|r| r.op == Operation::Put).map(|r| r.key).collect()
}

/// A workspace over `s3` with nothing in its local store.
fn fresh(s3: &S3) -> Workspace {
    let mut workspace = Workspace::new();
    s3.use_in(&mut workspace);
    workspace
}

/// As [`fresh`], with a module that is compiled in a second.
fn libraries(s3: &S3) -> Workspace {
    let mut workspace = Workspace::of_libraries();
    s3.use_in(&mut workspace);
    workspace
}

#[test]
fn a_fresh_machine_gets_all_of_it_in_a_few_requests() {
    let s3 = S3::start();
    let workspace = fresh(&s3);
    let (cold, expected) = build_program(&workspace);
    assert_eq!((number(&cold, "uploads_done"), number(&cold, "uploads_left")), (number(&cold, "puts"), 0), "{cold}");
    let written = keys(&s3);
    let (manifests, packs): (Vec<&String>, Vec<&String>) = written.iter().partition(|key| key.starts_with("manifests"));
    assert!(packs.iter().all(|key| key.starts_with("packs-v1/")), "{written:?}");
    // One, and one more for each time that the compiler kept the session waiting for five seconds.
    assert!((1..=4).contains(&manifests.len()), "{written:?}");
    assert!((packs.len() as u64) < number(&cold, "puts") / 10, "{written:?}");

    std::fs::remove_dir_all(workspace.store()).unwrap();
    s3.server.set_link(LinkSettings { first_byte: Duration::from_millis(5), ..LinkSettings::NONE });
    let (remote, program) = build_program(&workspace);
    let counted = ["misses", "puts", "hits_local", "remote_errors"].map(|name| number(&remote, name));
    assert_eq!(counted, [0; 4], "{remote}");
    assert_eq!(number(&remote, "hits_remote"), number(&remote, "gets"));
    assert!(number(&remote, "remote_requests") <= 1 + written.len() as u64, "{remote}");
    assert!(program == expected);

    let (local, _) = build_program(&workspace);
    assert_eq!((number(&local, "misses"), number(&local, "remote_requests")), (0, 0), "{local}");
    assert_no_damage(&workspace.store(), "all of it fetched");
}

#[test]
fn what_no_pack_has_is_a_miss_without_a_request() {
    let s3 = S3::start();
    let workspace = libraries(&s3);
    build(&workspace, PACK);
    let mark = s3.server.mark();
    std::fs::remove_dir_all(workspace.store()).unwrap();
    std::fs::write(workspace.module().join("p2/p.go"), "package p2\n\nfunc F() int { return 43 - 2 }\n").unwrap();
    let session = build(&workspace, PACK);
    let asked =
        s3.server.log_since(mark).iter().filter(|r| r.op == Operation::Get && r.key.ends_with("-a.json")).count();
    assert_eq!(asked, 0, "no plain object is asked for where there is a manifest");
    assert!(number(&session, "misses") > 0 && number(&session, "hits_remote") > 0, "{session}");
}

#[test]
fn several_machines_write_and_a_later_one_has_it_all() {
    let s3 = S3::start();
    let machine = libraries(&s3);
    for packages in [&["./p3"][..], &["./p3", "./p7"], &["./p7", "./p11"]] {
        machine.run(PACK, &[&["build"], packages].concat());
        std::fs::remove_dir_all(machine.store()).unwrap();
    }
    assert!(keys(&s3).iter().filter(|key| key.starts_with("manifests")).count() >= 3);
    machine.run(PACK, &["build", "./p3", "./p7", "./p11"]);
    let session = machine.last_session();
    assert_eq!((number(&session, "misses"), number(&session, "puts")), (0, 0), "{session}");
}

#[test]
fn a_bucket_without_a_manifest_gives_its_plain_objects() {
    let s3 = S3::start();
    let workspace = libraries(&s3);
    build(&workspace, "--strategy async");
    std::fs::remove_dir_all(workspace.store()).unwrap();
    let session = build(&workspace, PACK);
    assert_eq!((number(&session, "misses"), number(&session, "puts")), (0, 0), "{session}");
}

#[test]
fn damage_costs_hits_and_never_a_build() {
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, &str, Damage); 7] = [
        ("a flipped byte in a manifest", "manifests", |bytes| bytes[40] ^= 1),
        ("a manifest of a later version", "manifests", |bytes| bytes[4] = 9),
        ("a pack cut short", "packs", |bytes| bytes.truncate(bytes.len() / 2)),
        ("a flipped byte in a directory", "packs", |bytes| bytes[60] ^= 1),
        ("flipped bytes in the frames", "packs", |bytes| {
            let length = bytes.len();
            (length / 4..length).step_by(length / 8).for_each(|at| bytes[at] ^= 0x55);
        }),
        ("a pack of a later version", "packs", |bytes| bytes[4] = 9),
        ("an empty pack", "packs", Vec::clear),
    ];
    let s3 = S3::start();
    let workspace = libraries(&s3);
    let (expected, _) = workspace.compile(&mut workspace.go(PACK, &LIST));
    let client = S3Client::connect(&s3.config());
    let content = |key: String| (s3.block_on(client.get_small(&key, 1 << 30)).unwrap().unwrap().to_vec(), key);
    let objects: Vec<_> = keys(&s3).into_iter().map(content).collect();
    for (name, prefix, damage) in damages {
        s3.server.clear("");
        for (content, key) in &objects {
            let mut content = content.clone();
            if key.starts_with(prefix) {
                damage(&mut content);
            }
            s3.block_on(client.put_bytes(key, content.into())).unwrap();
        }
        std::fs::remove_dir_all(workspace.store()).unwrap();
        let (compiled, said) = workspace.compile(&mut workspace.go(PACK, &LIST));
        let session = workspace.last_session();
        assert!(number(&session, "misses") > 0, "{name}: {session}");
        assert!(compiled == expected && said == "CacheProg used.\n", "{name}: {said}");
        assert_no_damage(&workspace.store(), name);
    }
}

fn assert_no_damage(store: &Path, name: &str) {
    let verified =
        std::process::Command::new(common::CACHEPROG).args(["verify", "--cache-dir"]).arg(store).output().unwrap();
    assert!(verified.status.success(), "{name}: {}", stderr(&verified));
}

#[test]
fn packs_that_are_gone_are_misses() {
    let s3 = S3::start();
    let workspace = libraries(&s3);
    build(&workspace, PACK);
    s3.server.clear("packs-v1/");
    std::fs::remove_dir_all(workspace.store()).unwrap();
    let session = build(&workspace, PACK);
    assert_eq!(number(&session, "hits_remote"), 0, "{session}");
    assert!(session["remote_off"].is_null(), "{session}");
}

#[test]
fn a_remote_that_stops_in_the_middle_of_a_build_does_not_fail_it() {
    let s3 = S3::start();
    let workspace = libraries(&s3);
    let (expected, _) = workspace.compile(&mut workspace.go(PACK, &LIST));
    std::fs::remove_dir_all(workspace.store()).unwrap();
    s3.server.set_link(LinkSettings { first_byte: Duration::from_millis(20), ..LinkSettings::NONE });
    let mark = s3.server.mark();
    let mut build = workspace.go("--strategy pack --drain-deadline 5", &LIST);
    let build = build.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    common::wait_until("a request", || s3.server.mark() > mark);
    s3.stop();
    let (compiled, said) = compiled(&build.wait_with_output().unwrap());
    assert!(compiled == expected, "{said}");
}

#[test]
fn many_small_commits_leave_few_manifests_and_a_fresh_machine_finds_all() {
    let s3 = S3::start();
    let workspace = libraries(&s3);
    for commit in 0..20 {
        let text = format!("package p2\n\nfunc F() int {{ return {commit} + 42 }}\n");
        std::fs::write(workspace.module().join("p2/p.go"), text).unwrap();
        let _ = std::fs::remove_dir_all(workspace.store());
        build(&workspace, PACK);
    }
    // The records are there before the bucket is tidied up.
    let client = S3Client::connect(&s3.config());
    let manifests = || {
        let mut keys = 0;
        s3.block_on(client.list("manifests-v1/", |page| keys += page.len())).unwrap();
        keys
    };
    common::wait_until("few manifests", || manifests() <= 5);
    let (expected, _) = workspace.compile(&mut workspace.go(PACK, &LIST));
    std::fs::remove_dir_all(workspace.store()).unwrap();
    let (compiled, _) = workspace.compile(&mut workspace.go(PACK, &LIST));
    let session = workspace.last_session();
    assert_eq!((number(&session, "misses"), number(&session, "puts")), (0, 0), "{session}");
    assert!(compiled == expected);
}
