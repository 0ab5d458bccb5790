//! Reads each record of a session back, and adds up its requests.

use std::collections::HashSet;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::telemetry::model::answer::REQUEST;
use crate::telemetry::profile::latencies::Latencies;
use crate::telemetry::profile::pprof_file;
use crate::telemetry::request_log::reader::read_request_log;
use crate::telemetry::summary::SessionSummary;

/// How far a sum of times may be off in a file of histograms (three digits are kept), and in one of self times.
const HISTOGRAM_TOLERANCE: f64 = 0.002;
const PROFILE_TOLERANCE: f64 = 0.01;

/// The numbers in one file. `None` is what it does not hold.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Account {
    pub requests: Option<u64>,
    pub gets: Option<u64>,
    pub puts: Option<u64>,
    pub hits_local: Option<u64>,
    pub hits_remote: Option<u64>,
    pub misses: Option<u64>,
    pub put_bytes: Option<u64>,
    /// Bodies of all hits.
    pub hit_bytes: Option<u64>,
    /// Uploads beside the answers that ended.
    pub uploads: Option<u64>,
    /// All requests together, from arrival to answer.
    pub took_ns: Option<u64>,
    /// Error of `took_ns`, as a part of it.
    pub tolerance: f64,
    pub highest_id: Option<i64>,
}

pub fn session(path: &Path) -> Result<Account> {
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

pub fn request_log(path: &Path) -> Result<Account> {
    let log = read_request_log(&std::fs::read_to_string(path)?)?;
    let mut sum = Sum::default();
    let mut asked = HashSet::new();
    for (_, line) in &log.lines {
        match line.answer() {
            Some(answer) => {
                sum.add(
                    answer.id,
                    answer.kind.name(),
                    answer.outcome.words(),
                    answer.bytes.unwrap_or(0),
                    answer.times.took_ns(),
                );
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

pub fn trace(path: &Path) -> Result<Account> {
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

pub fn histograms(path: &Path) -> Result<Account> {
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

pub fn wall_profile(path: &Path) -> Result<Account> {
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
