//! The Go backends that bench is tested with do what their names say: real builds over an S3 server on loopback.

mod common;
#[path = "bench_backends/defects.rs"]
mod defects;
#[cfg(target_os = "linux")]
#[path = "bench_backends/left_behind.rs"]
mod left_behind;
#[path = "bench_backends/s3.rs"]
mod s3;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use common::backend::Backend;
use common::backends::{BACKENDS, go_in_module, program};
use common::{LIST, S3, Workspace, stderr, wait_until};
use gocacheprog::s3_server::{Fault, FaultKind, Operation, Record};

/// A module that is compiled in a second, a server, and one of the programs.
struct Setup {
    workspace: Workspace,
    s3: S3,
    program: String,
}

impl Setup {
    fn new(name: &str) -> Self {
        let (mut workspace, s3) = (Workspace::of_libraries(), S3::start());
        s3.use_in(&mut workspace);
        workspace.set("CACHE_DIR", workspace.store().to_str().unwrap());
        Self { workspace, s3, program: program(name).to_str().unwrap().to_owned() }
    }

    fn go(&self, arguments: &[&str]) -> Command {
        let mut go = self.workspace.go("", arguments);
        go.env("GOCACHEPROG", &self.program);
        go
    }

    /// Builds the module, and returns the requests that S3 had from it.
    fn build(&self) -> Vec<Record> {
        let mark = self.s3.server.mark();
        let output = self.go(&["build", "./..."]).output().unwrap();
        assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), "CacheProg used.\n"));
        log_since(&self.s3, mark)
    }

    fn forget_locally(&self) {
        std::fs::remove_dir_all(self.workspace.store()).unwrap();
    }
}

/// The requests to S3 after `mark`. A client may have its answer before the server has logged it.
fn log_since(s3: &S3, mark: u64) -> Vec<Record> {
    wait_until("S3 has logged all requests", || s3.server.stats("").in_flight == 0);
    s3.server.log_since(mark)
}

/// The requests of each key: an operation and its status each.
fn by_key(log: &[Record]) -> BTreeMap<&str, Vec<(Operation, Option<u16>)>> {
    let mut keys: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    log.iter().for_each(|record| keys.entry(&record.key).or_default().push((record.op, record.status)));
    keys
}

fn keys_of(log: &[Record], op: Operation) -> BTreeSet<&str> {
    log.iter().filter(|record| record.op == op).map(|record| record.key.as_str()).collect()
}

const HEAD: (Operation, Option<u16>) = (Operation::Head, Some(200));
const GET: (Operation, Option<u16>) = (Operation::Get, Some(200));

#[test]
fn plain_makes_one_request_for_a_remote_hit_and_none_for_a_local_one() {
    let setup = Setup::new("plain");
    let cold = setup.build();
    let sent = keys_of(&cold, Operation::Put);
    let is_hex_id = |key: &&str| key.len() == 64 && key.bytes().all(|letter| letter.is_ascii_hexdigit());
    assert!(sent.len() > 30 && sent.iter().all(is_hex_id), "{sent:?}");
    assert_eq!(setup.build(), [], "all is stored locally");
    setup.forget_locally();
    let remote = setup.build();
    assert!(remote.len() > 20 && by_key(&remote).values().all(|requests| requests == &[GET]), "{remote:?}");
    assert_eq!(setup.build(), [], "what came from S3 is stored locally");
}

#[test]
fn serial_sends_one_request_after_another_and_asks_three_questions_for_a_remote_hit() {
    let setup = Setup::new("serial");
    let cold = setup.build();
    let puts: Vec<&Record> = cold.iter().filter(|record| record.op == Operation::Put).collect();
    let bodies = puts.iter().filter(|record| record.key.ends_with("=-d")).count();
    assert!(bodies > 20 && puts.len() > bodies, "{puts:?}");
    assert!(puts.iter().all(|record| record.key.ends_with("=-d") || record.key.ends_with("=-a.json")), "{puts:?}");
    assert_eq!(setup.build(), [], "all is stored locally");
    setup.forget_locally();
    let remote = setup.build();
    assert_three_questions(&remote);
    let entries = remote.iter().filter(|record| record.op == Operation::Head).map(|record| &record.key);
    let order: Vec<&String> = remote.iter().map(|record| &record.key).filter(|key| key.ends_with("=-a.json")).collect();
    let pairs: Vec<&String> = entries.flat_map(|key| [key, key]).collect();
    assert_eq!(order, pairs, "no question of another entry comes in between");
    assert_eq!(setup.build(), [], "what came from S3 is stored locally");
}

#[test]
fn forgetful_asks_s3_for_what_is_on_disk() {
    let setup = Setup::new("forgetful");
    setup.build();
    assert_eq!(setup.build(), [], "its own entries are stored locally");
    setup.forget_locally();
    let remote = setup.build();
    assert_three_questions(&remote);
    for _ in 0..2 {
        let local = setup.build();
        let keys = by_key(&local);
        let is_entry = |key: &&str| key.ends_with("=-a.json");
        assert!(keys.len() > 20 && keys.keys().all(is_entry), "the outputs are there: {keys:?}");
        assert!(keys.values().all(|requests| requests == &[HEAD, GET]), "two questions a hit: {keys:?}");
        assert_eq!(keys_of(&remote, Operation::Head), keys_of(&local, Operation::Head));
    }
}

/// Each entry is asked for by HEAD and GET, and each output by GET.
fn assert_three_questions(log: &[Record]) {
    for (key, requests) in by_key(log) {
        let expected = if key.ends_with("=-d") { vec![GET] } else { vec![HEAD, GET] };
        assert_eq!(requests, expected, "{key}");
    }
    assert!(log.iter().filter(|record| record.key.ends_with("=-d")).count() > 20, "{log:?}");
}

#[test]
fn what_go_gets_is_what_it_would_have_compiled() {
    for name in BACKENDS {
        let setup = Setup::new(name);
        let workspace = &setup.workspace;
        let (expected, _) = workspace.compile(setup.go(&LIST).env_remove("GOCACHEPROG"));
        // It sends no close, and does not wait for what is uploaded at the end of input.
        let is_same = || workspace.compile(&mut setup.go(&LIST)) == (expected.clone(), String::new());
        assert!(!expected.is_empty() && is_same(), "{name}, cold");
        assert!(is_same(), "{name}, local-hit");
        setup.forget_locally();
        setup.build();
        setup.forget_locally();
        let mark = setup.s3.server.mark();
        assert!(is_same(), "{name}, remote-hit");
        assert!(log_since(&setup.s3, mark).iter().any(|record| record.bytes_out > 1000), "{name}");
    }
}

#[test]
fn only_plain_answers_a_put_while_s3_is_silent() {
    let s3 = S3::start();
    let folder = tempfile::tempdir().unwrap();
    let start = |name: &str| {
        let mut command = Command::new(program(name));
        command.current_dir(folder.path()).env("CACHE_DIR", folder.path().join(name)).envs(s3.variables());
        Backend::start_command(command)
    };
    for name in ["serial", "forgetful"] {
        let mark = s3.server.mark();
        let mut backend = start(name);
        backend.put(1, 1, name.as_bytes());
        let asked = s3.server.mark() - mark;
        backend.close(2);
        assert_eq!((asked, backend.end().0), (2, Some(0)), "{name} has sent both objects when it answers");
        let ops: Vec<_> = log_since(&s3, mark).iter().map(|record| (record.op, record.status)).collect();
        assert_eq!(ops, [(Operation::Put, Some(200)); 2]);
    }
    s3.server.set_faults(vec![Fault { kind: FaultKind::Silence, share: 1.0 }], 1);
    let mut plain = start("plain");
    plain.send(&format!("{{\"ID\":1,\"Command\":\"get\",\"ActionID\":\"{}\"}}\n\n", common::backend::wire(9)));
    assert_eq!(plain.put(2, 1, b"body")["ID"], 2, "neither the get nor the upload holds the answer back");
    assert_eq!(plain.get(3, 1)["Size"], 4);
    s3.stop();
    assert_eq!(plain.answer()["Miss"], true, "an error of S3 is a miss");
    plain.close(4);
    let (code, rest, said) = plain.end();
    assert_eq!((code, rest.as_str()), (Some(0), ""));
    assert!(said.contains("S3: ") && said.ends_with("CacheProg used.\n"), "{said}");
}

#[test]
fn without_s3_the_store_is_in_the_working_directory() {
    for name in BACKENDS {
        let workspace = Workspace::of_libraries();
        let build = || {
            let mut go = workspace.go("", &["build", "./..."]);
            let output = go.env("GOCACHEPROG", program(name)).output().unwrap();
            assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), "CacheProg used.\n"), "{name}");
            std::fs::read_dir(workspace.module().join(".cache")).unwrap().count()
        };
        let stored = build();
        assert!(stored > 50, "{stored} files");
        assert_eq!(build(), stored, "{name}");
    }
}

#[test]
fn their_sources_are_formatted_and_vetted() {
    let vet = go_in_module(&["vet", "./..."]).output().unwrap();
    assert!(vet.status.success(), "{}", stderr(&vet));
    let mut gofmt = Command::new("gofmt");
    let formatted =
        gofmt.args(["-l", "."]).current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/backends")).output();
    assert_eq!(String::from_utf8_lossy(&formatted.unwrap().stdout), "");
}
