//! Checks that the records of one session agree: each file is read back, and its account of the requests is compared.

use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::telemetry::agreement::accounts::{Account, histograms, request_log, session, trace, wall_profile};

/// The result of comparing the records of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Agreement {
    /// Files that were compared.
    pub files: Vec<String>,
    /// Requests of the session, by the first of them.
    pub requests: u64,
    /// The highest number that go gave a request; `None` without a request log.
    pub highest_id: Option<i64>,
    /// True if the S3 server's own log was compared too.
    pub with_server: bool,
    /// Each number in which two files differ, in words.
    pub disagreements: Vec<String>,
}

/// Compares the records in the folder of a session that has ended. Records that are not there are not compared.
pub fn check_agreement(folder: &Path) -> Agreement {
    type Read = fn(&Path) -> Result<Account>;
    let readers: [(&'static str, Read); 5] = [
        ("session.json", session),
        ("request.txt", request_log),
        ("trace.json", trace),
        ("latency.hlog", histograms),
        ("pprof/fg.prof", wall_profile),
    ];
    let mut accounts = Vec::new();
    let mut disagreements = Vec::new();
    for (name, read) in readers {
        let path = folder.join(name);
        if !path.exists() {
            continue;
        }
        match read(&path) {
            Ok(account) => accounts.push((name, account)),
            Err(error) => disagreements.push(format!("{name} cannot be read: {error:#}")),
        }
    }
    disagreements.extend(compare(&accounts));
    Agreement {
        files: accounts.iter().map(|(name, _)| (*name).to_owned()).collect(),
        requests: accounts.iter().find_map(|(_, account)| account.requests).unwrap_or(0),
        highest_id: accounts.iter().find_map(|(_, account)| account.highest_id),
        with_server: false,
        disagreements,
    }
}

fn compare(accounts: &[(&'static str, Account)]) -> Vec<String> {
    type Field = fn(&Account) -> Option<u64>;
    let counts: [(&str, Field); 9] = [
        ("requests", |account| account.requests),
        ("gets", |account| account.gets),
        ("puts", |account| account.puts),
        ("local hits", |account| account.hits_local),
        ("remote hits", |account| account.hits_remote),
        ("misses", |account| account.misses),
        ("bytes put", |account| account.put_bytes),
        ("bytes of hits", |account| account.hit_bytes),
        ("uploads", |account| account.uploads),
    ];
    let mut differ = Vec::new();
    for (what, field) in counts {
        differ.extend(differences(accounts, what, |account| Some((field(account)?, 0.0))));
    }
    differ.extend(differences(accounts, "ns from arrival to answer", |account| {
        Some((account.took_ns?, account.tolerance))
    }));
    differ
}

/// The files whose number is not that of the first file that has one. `number` gives it with its tolerance, as a part of it.
fn differences(
    accounts: &[(&'static str, Account)],
    what: &str,
    number: impl Fn(&Account) -> Option<(u64, f64)>,
) -> Vec<String> {
    let mut known = accounts.iter().filter_map(|(name, account)| Some((name, number(account)?)));
    let Some((first_name, (first, _))) = known.next() else { return Vec::new() };
    let differs = |(_, (value, tolerance)): &(_, (u64, f64))| value.abs_diff(first) > (first as f64 * tolerance) as u64;
    let differing = known.filter(differs);
    differing.map(|(name, (value, _))| format!("{what}: {first} in {first_name}, {value} in {name}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_differs_is_named_with_both_files() {
        let one = Account { gets: Some(7), took_ns: Some(1_000_000), ..Account::default() };
        let two = Account { gets: Some(8), took_ns: Some(1_001_000), tolerance: 0.002, ..Account::default() };
        assert_eq!(compare(&[("a", one), ("b", two)]), ["gets: 7 in a, 8 in b"]);
        let exact = Account { tolerance: 0.0, ..two };
        assert_eq!(compare(&[("a", one), ("b", exact)]).len(), 2);
        let silent = Account::default();
        assert_eq!(compare(&[("a", silent), ("b", two), ("c", silent)]), Vec::<String>::new());
    }

    #[test]
    fn a_file_that_is_none_is_named_and_one_that_is_not_there_is_not_compared() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("trace.json"), "{\"request\" nonsense\n").unwrap();
        let agreement = check_agreement(folder.path());
        assert_eq!(agreement.files, Vec::<&str>::new());
        assert_eq!(agreement.disagreements.len(), 1);
        assert!(agreement.disagreements[0].starts_with("trace.json cannot be read"), "{agreement:?}");
    }
}
