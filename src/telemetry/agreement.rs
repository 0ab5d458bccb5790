//! Whether the records of one session agree: each file is read back, and what it says of the requests is compared.

use std::collections::HashSet;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::telemetry::model::answer::{Outcome, REQUEST};
use crate::telemetry::profile::latencies::Latencies;
use crate::telemetry::profile::pprof_file;
use crate::telemetry::request_log::reader::read_request_log;
use crate::telemetry::summary::SessionSummary;

/// How far a sum of times may be off in a file of histograms (three digits are kept), and in one of self times.
const HISTOGRAM_TOLERANCE: f64 = 0.002;
const PROFILE_TOLERANCE: f64 = 0.01;

/// What the records of a session say together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Agreement {
    /// Files that were compared.
    pub files: Vec<String>,
    /// Requests of the session, by the first of them.
    pub requests: u64,
    /// The highest number that go gave a request; `None` without a request log.
    pub highest_id: Option<i64>,
    /// Whether the S3 server's own log was compared too.
    pub with_server: bool,
    /// Each number in which two files differ, in words.
    pub disagreements: Vec<String>,
}

/// What one file says. `None` is what it does not hold.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Account {
    requests: Option<u64>,
    gets: Option<u64>,
    puts: Option<u64>,
    hits_local: Option<u64>,
    hits_remote: Option<u64>,
    misses: Option<u64>,
    put_bytes: Option<u64>,
    /// Bodies of all hits.
    hit_bytes: Option<u64>,
    /// Uploads beside the answers that ended.
    uploads: Option<u64>,
    /// All requests together, from arrival to answer.
    took_ns: Option<u64>,
    /// By how much `took_ns` may be off, as a part of it.
    tolerance: f64,
    highest_id: Option<i64>,
}

/// Compares the records in the folder of a session that has ended. Records that are not there are not compared.
pub fn check(folder: &Path) -> Agreement {
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
    let fields: [(&str, Field); 10] = [
        ("requests", |account| account.requests),
        ("gets", |account| account.gets),
        ("puts", |account| account.puts),
        ("local hits", |account| account.hits_local),
        ("remote hits", |account| account.hits_remote),
        ("misses", |account| account.misses),
        ("bytes put", |account| account.put_bytes),
        ("bytes of hits", |account| account.hit_bytes),
        ("uploads", |account| account.uploads),
        ("ns from arrival to answer", |account| account.took_ns),
    ];
    let mut differ = Vec::new();
    for (what, field) in fields {
        let mut known = accounts.iter().filter_map(|(name, account)| Some((name, field(account)?, account.tolerance)));
        let Some((first_name, first, _)) = known.next() else { continue };
        for (name, value, tolerance) in known {
            let allowed = if what.starts_with("ns") { (first as f64 * tolerance) as u64 } else { 0 };
            if value.abs_diff(first) > allowed {
                differ.push(format!("{what}: {first} in {first_name}, {value} in {name}"));
            }
        }
    }
    differ
}

fn session(path: &Path) -> Result<Account> {
    let counts = SessionSummary::read(path.parent().context("it is in no folder")?)?.counts;
    Ok(Account {
        gets: Some(counts.gets),
        puts: Some(counts.puts),
        hits_local: Some(counts.hits_local),
        hits_remote: Some(counts.hits_remote),
        misses: Some(counts.misses),
        put_bytes: Some(counts.put_bytes),
        ..Account::default()
    })
}

/// Adds up single requests.
#[derive(Default)]
struct Sum {
    account: Account,
    ids: HashSet<i64>,
}

impl Sum {
    fn add(&mut self, id: i64, kind: &str, outcome: &str, bytes: u64, took_ns: u64) {
        let add = |field: &mut Option<u64>, by: u64| *field = Some(field.unwrap_or(0) + by);
        let account = &mut self.account;
        add(&mut account.requests, 1);
        add(&mut account.gets, u64::from(kind == "get"));
        add(&mut account.puts, u64::from(kind == "put"));
        add(&mut account.hits_local, u64::from(outcome == "hit local"));
        add(&mut account.hits_remote, u64::from(outcome == "hit remote"));
        add(&mut account.misses, u64::from(outcome == "miss"));
        add(&mut account.put_bytes, if outcome == "stored" { bytes } else { 0 });
        add(&mut account.hit_bytes, if outcome.starts_with("hit") { bytes } else { 0 });
        add(&mut account.took_ns, took_ns);
        account.highest_id = account.highest_id.max(Some(id));
        self.ids.insert(id);
    }

    /// Two answers to one number would be two requests, of which one was never answered.
    fn account(self) -> Result<Account> {
        let answers = self.account.requests.unwrap_or(0);
        let ids = self.ids.len() as u64;
        anyhow::ensure!(ids == answers, "{answers} answers to {ids} requests");
        Ok(self.account)
    }
}

fn request_log(path: &Path) -> Result<Account> {
    let log = read_request_log(&std::fs::read_to_string(path)?)?;
    let mut sum = Sum::default();
    let mut asked = HashSet::new();
    for (_, line) in &log.lines {
        match line.answer() {
            Some(answer) => {
                let outcome = match answer.outcome {
                    Outcome::HitLocal { .. } => "hit local",
                    Outcome::HitRemote => "hit remote",
                    Outcome::Miss => "miss",
                    Outcome::Stored => "stored",
                    Outcome::Closed | Outcome::Error => "",
                };
                sum.add(answer.id, answer.kind, outcome, answer.bytes.unwrap_or(0), answer.times.took_ns());
            }
            None => asked.extend(line.request_id()),
        }
    }
    anyhow::ensure!(asked == sum.ids, "{} requests and {} answers", asked.len(), sum.ids.len());
    sum.account()
}

#[derive(Deserialize)]
struct Event {
    ph: String,
    name: String,
    #[serde(default)]
    dur: f64,
    #[serde(default)]
    args: Args,
}

#[derive(Default, Deserialize)]
struct Args {
    #[serde(default)]
    id: i64,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    outcome: String,
    #[serde(default)]
    bytes: u64,
    #[serde(default)]
    unfinished: bool,
}

fn trace(path: &Path) -> Result<Account> {
    let text = std::fs::read_to_string(path)?;
    let mut sum = Sum::default();
    let mut uploads = 0;
    // One event a line; most are not requests, and reading the name first saves the rest.
    for line in text.lines().filter(|line| [r#""request""#, r#""upload""#].iter().any(|name| line.contains(name))) {
        let event: Event = serde_json::from_str(line.trim_end_matches(','))?;
        let Args { id, kind, outcome, bytes, unfinished } = event.args;
        // What was cut off has no answer and no end.
        match event.name.as_str() {
            REQUEST if event.ph == "X" && !unfinished => {
                sum.add(id, &kind, &outcome, bytes, (event.dur * 1000.0).round() as u64);
            }
            "upload" if event.ph == "X" && !unfinished => uploads += 1,
            _ => {}
        }
    }
    Ok(Account { uploads: Some(uploads), ..sum.account()? })
}

fn histograms(path: &Path) -> Result<Account> {
    let latencies = Latencies::read(&std::fs::read(path)?)?;
    let mut account = Account { tolerance: HISTOGRAM_TOLERANCE, ..Account::default() };
    for field in [&mut account.gets, &mut account.puts, &mut account.hits_local, &mut account.hits_remote] {
        *field = Some(0);
    }
    (account.misses, account.requests, account.took_ns) = (Some(0), Some(0), Some(0));
    account.uploads = Some(0);
    for (tag, histogram) in latencies.iter() {
        let count = histogram.len();
        match tag {
            "get" => account.gets = Some(count),
            "put" => account.puts = Some(count),
            "get/local" => account.hits_local = Some(count),
            "get/remote" => account.hits_remote = Some(count),
            "get/miss" => account.misses = Some(count),
            "upload" => account.uploads = Some(count),
            _ => {}
        }
        if matches!(tag, "get" | "put" | "close" | "unknown") {
            let values = histogram.iter_recorded();
            let took_ns: u64 = values.map(|value| value.value_iterated_to() * value.count_at_value()).sum();
            account.requests = account.requests.map(|sum| sum + count);
            account.took_ns = account.took_ns.map(|sum| sum + took_ns);
        }
    }
    Ok(account)
}

fn wall_profile(path: &Path) -> Result<Account> {
    let profile = pprof_file::read(path)?;
    let mut account = Account { tolerance: PROFILE_TOLERANCE, ..Account::default() };
    (account.gets, account.puts, account.requests, account.took_ns) = (Some(0), Some(0), Some(0), Some(0));
    for (path, values) in pprof_file::stacks(&profile) {
        let [count, wall_ns, ..] = *values else { continue };
        let (count, wall_ns) = (u64::try_from(count)?, u64::try_from(wall_ns)?);
        if path.first() != Some(&REQUEST) {
            continue;
        }
        account.took_ns = account.took_ns.map(|sum| sum + wall_ns);
        if let [_, kind] = path[..] {
            account.requests = account.requests.map(|sum| sum + count);
            match kind {
                "get" => account.gets = Some(count),
                "put" => account.puts = Some(count),
                _ => {}
            }
        }
    }
    Ok(account)
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
        let agreement = check(folder.path());
        assert_eq!(agreement.files, Vec::<&str>::new());
        assert_eq!(agreement.disagreements.len(), 1);
        assert!(agreement.disagreements[0].starts_with("trace.json cannot be read"), "{agreement:?}");
    }
}
