//! Keys that may not do all.

use gocacheprog::s3_server::{Credentials, Grant, Operation, Right};

use crate::common::S3;
use crate::machine::{Machine, Variables, assert_hits, assert_misses, body, lines};

const STRATEGIES: [&str; 3] = ["pack", "async", "workshop"];

/// The settings of a key with these rights.
fn key(s3: &S3, rights: &[Right]) -> Variables {
    let credentials = Credentials::random().unwrap();
    s3.server.add_key(&credentials, vec![Grant::new("", rights)]);
    let mut variables = s3.variables();
    variables.retain(|(name, _)| !name.contains("KEY"));
    variables.push(("S3_ACCESS_KEY_ID", credentials.access_key_id));
    variables.push(("S3_SECRET_ACCESS_KEY", credentials.secret_access_key));
    variables
}

#[test]
fn a_key_that_may_not_list_hits_on_plain_objects() {
    for strategy in STRATEGIES {
        let s3 = S3::start();
        let (variables, arguments) = (key(&s3, &[Right::Get, Right::Put]), ["--strategy", strategy]);
        let expects_line = |said: &str| {
            let is_said = said.contains("packs cannot be found, this build reads and writes plain objects");
            assert!(lines(said).len() == usize::from(strategy == "pack"), "{strategy}: {said}");
            assert_eq!(is_said, strategy == "pack", "{strategy}: {said}");
        };
        let writer = Machine::new();
        let (answers, said) = writer.run(&variables, &arguments, &[1], &[1, 2, 3]);
        assert_misses(&answers);
        expects_line(&said);
        let session = writer.session();
        assert_eq!(
            (&session["uploads_done"], &session["uploads_left"]),
            (&3.into(), &0.into()),
            "{strategy}: {session}"
        );
        let reader = Machine::new();
        let gets: Vec<u8> = (1..=100).collect();
        let (answers, said) = reader.run(&variables, &arguments, &gets, &[]);
        assert_hits(&answers[..3], &[1, 2, 3]);
        assert_misses(&answers[3..]);
        expects_line(&said);
        assert!(reader.session()["remote_off"].is_null(), "{strategy}: many missing objects are no failure");
    }
}

#[test]
fn what_gathered_for_packs_goes_out_plainly_where_nobody_could_find_them() {
    let s3 = S3::start();
    let variables = key(&s3, &[Right::Get, Right::Put]);
    let machine = Machine::new();
    // Without a get the right to list is asked about when the first pack is to go out.
    let (_, said) = machine.run(&variables, &["--plain"], &[], &[1, 2]);
    assert_eq!((said.as_str(), machine.unsent()), ("", 0));
    machine.run(&variables, &[], &[], &[3, 4]);
    assert_hits(&Machine::new().run(&variables, &[], &[1, 2, 3, 4], &[]).0, &[1, 2, 3, 4]);
}

#[test]
fn a_key_that_may_not_write_still_reads() {
    for strategy in STRATEGIES {
        let s3 = S3::start();
        Machine::new().run(&s3.variables(), &["--strategy", strategy], &[], &[1, 2]);
        for rights in [&[Right::Get, Right::List][..], &[Right::Get]] {
            if strategy == "pack" && rights.len() == 1 {
                continue;
            }
            let (machine, variables) = (Machine::new(), key(&s3, rights));
            let (answers, said) = machine.run(&variables, &["--strategy", strategy], &[1, 2, 3], &[3]);
            assert_hits(&answers[..2], &[1, 2]);
            assert!(lines(&said).len() == 1 && said.contains("nothing more is uploaded by this build"), "{said}");
            assert!(said.contains("; not uploaded: 1 output"), "{said}");
            assert!(machine.files("remote-").is_empty(), "{strategy}: the remote is not off");
        }
    }
}

#[test]
fn a_key_that_may_not_read_is_named() {
    for strategy in STRATEGIES {
        let s3 = S3::start();
        Machine::new().run(&s3.variables(), &["--strategy", strategy], &[], &[1]);
        let (machine, variables) = (Machine::new(), key(&s3, &[Right::List, Right::Put]));
        let (answers, said) = machine.run(&variables, &["--strategy", strategy], &[1, 2], &[2]);
        assert_misses(&answers);
        assert!(lines(&said).len() == 1 && said.contains("the key may not read objects"), "{strategy}: {said}");
    }
}

#[test]
fn a_key_that_may_do_nothing_is_given_up() {
    for strategy in STRATEGIES {
        let s3 = S3::start();
        let (machine, variables) = (Machine::new(), key(&s3, &[]));
        let mut backend = machine.start(&variables, &["--strategy", strategy]);
        for n in 1..=120 {
            assert_misses(&[backend.get(i64::from(n) * 2, n)]);
            backend.put(i64::from(n) * 2 + 1, n, &body(n));
            if n == 1 {
                crate::common::wait_until("a denied upload and a denied listing", || {
                    let log = s3.server.log_since(0);
                    [Operation::Put, Operation::List].iter().all(|op| log.iter().any(|record| record.op == *op))
                });
            }
        }
        backend.close(1000);
        let (code, _, said) = backend.end();
        let gives_up = said.contains("the key may neither list, nor write, and has read nothing");
        assert!(code == Some(0) && gives_up, "{strategy}: {said}");
    }
}

#[test]
fn a_key_that_may_not_delete_is_not_spoken_of() {
    let s3 = S3::start();
    let variables = key(&s3, &[Right::Get, Right::Put, Right::List]);
    for n in 1..=10 {
        let machine = Machine::new();
        let (_, said) = machine.run(&variables, &[], &[200], &[n]);
        assert_eq!((said.as_str(), machine.unsent()), ("", 0));
    }
}
