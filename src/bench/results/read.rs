//! Reads the `results.json` of a run: whole, or what is left of one that was cut off.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

use crate::bench::analysis::time::time_breakdown::Account;
use crate::bench::results::run::{RESULTS_FILE, Results, Round, SCHEMA};

/// The longest that anything takes, nanoseconds, and the most of anything: eleven days, a petabyte. What is above was never measured, and
/// sums of it would overflow.
const MOST: f64 = 1e15;
/// The same for a date.
const MOST_UNIX_NS: f64 = 9e18;

/// What an error tells to do next.
const NEXT: &str = "next:  give the folder of a run below metrics/";

/// Reads the file: `path` is the folder of a run, or the file itself. What is computed from the samples is missing in it:
/// [`crate::bench::analysis::compute`] does that again.
///
/// # Errors
/// When it cannot be read, is of another version, is something else, or is cut off before its first round.
pub fn read(path: &Path) -> Result<Results> {
    let path = if path.is_dir() { path.join(RESULTS_FILE) } else { path.to_owned() };
    let shown = path.display();
    let bytes = std::fs::read(&path).with_context(|| format!("cannot read {shown}\n  {NEXT}"))?;
    let text = String::from_utf8_lossy(&bytes);
    let (whole, cut_off) = match serde_json::from_str::<Value>(&text) {
        Ok(whole) => (whole, None),
        Err(error) if error.is_eof() => {
            let what = format!("{shown} is cut off at line {}", error.line());
            let left = mend(&text).with_context(|| format!("{what}: nothing in it can be used\n  {NEXT}"))?;
            (left, Some(what))
        }
        Err(error) => bail!("{shown} is no JSON at line {}: {error}\n  {NEXT}", error.line()),
    };
    let unusable = || match &cut_off {
        Some(what) => format!("{what}, before its first round\n  {NEXT}"),
        None => format!("{shown} is no results.json as bench writes it\n  {NEXT}"),
    };
    match whole.get("schema").and_then(Value::as_u64) {
        Some(schema) if schema == u64::from(SCHEMA) => {}
        Some(schema) => bail!("{shown} is of version {schema}; this bench reads version {SCHEMA}"),
        None => bail!("{}", unusable()),
    }
    let measured = ["rounds", "ci"].into_iter().filter_map(|part| Some((part, whole.get(part)?)));
    if let Some(what) = measured.into_iter().find_map(|(part, value)| too_large(value, part)) {
        return Err(anyhow!("{what}, which nothing can be")).with_context(unusable);
    }
    let results = serde_json::from_value(whole).map_err(anyhow::Error::from);
    let mut results: Results = results.and_then(checked).with_context(unusable)?;
    results.cut_off = cut_off.map(|what| format!("{what}: it has {} rounds", results.rounds.len()));
    Ok(results)
}

/// What everybody who reads results relies on.
fn checked(results: Results) -> Result<Results> {
    let cases = results.plan.cases.len();
    let steps = results.rounds.iter().map(|round| round.step).chain(results.plan.steps.iter().copied());
    if let Some(case) = steps.filter_map(|step| step.case).find(|case| *case >= cases) {
        bail!("it has a step of case {case}, counted from 0, and {cases} cases");
    }
    let is_account_wrong = |round: &Round| {
        let account = round.account.as_ref();
        account.is_some_and(|account| account.wall_ns != round.wall_ns || sum_ns(account) != Some(round.wall_ns))
    };
    match results.rounds.iter().find(|round| round.wall_ns == 0 || is_account_wrong(round)) {
        Some(round) => bail!("{} took no time, or its account is of another time", round.folder),
        None => Ok(results),
    }
}

/// Of the seven parts; None where that overflows.
fn sum_ns(account: &Account) -> Option<u64> {
    let Account { start_ns, handshake_ns, go_ns, both_ns, waiting_ns, close_ns, end_ns, .. } = account;
    let parts = [start_ns, handshake_ns, go_ns, both_ns, waiting_ns, close_ns, end_ns];
    parts.into_iter().try_fold(0_u64, |sum, ns| sum.checked_add(*ns))
}

/// A number that none of a run can be, with its place in the file.
fn too_large(value: &Value, place: &str) -> Option<String> {
    match value {
        Value::Number(number) => {
            let most = if place.ends_with("_unix_ns") { MOST_UNIX_NS } else { MOST };
            let is_too_large = number.as_f64().is_some_and(|number| number.abs() > most);
            is_too_large.then(|| format!("{place} is {number}"))
        }
        Value::Array(values) => {
            values.iter().enumerate().find_map(|(at, value)| too_large(value, &format!("{place}[{at}]")))
        }
        Value::Object(fields) => fields.iter().find_map(|(name, value)| too_large(value, &format!("{place}.{name}"))),
        _ => None,
    }
}

/// The start of a text that was cut off, with all values that are whole: those of the outermost object, and the elements of
/// a list in it.
fn mend(text: &str) -> Option<Value> {
    let mut open = Vec::new();
    let (mut in_string, mut is_escaped) = (false, false);
    let mut whole = None;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' => open.push('}'),
            b'[' => open.push(']'),
            b'}' | b']' => drop(open.pop()),
            // What stands before a comma is whole.
            b',' => match open[..] {
                ['}'] => whole = Some((at, "}")),
                ['}', ']'] => whole = Some((at, "]}")),
                _ => {}
            },
            _ => {}
        }
    }
    let (end, closed) = whole?;
    serde_json::from_str(&format!("{}{closed}", &text[..end])).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::analysis::study::summary::tests::measured;
    use crate::bench::analysis::time::time_breakdown::Frame;
    use crate::bench::analysis::{compute, load};
    use crate::bench::execute::state_check::StateCheck;
    use crate::bench::report::terminal::grid::View;
    use crate::bench::report::terminal::tables;
    use crate::bench::report::text::errors::in_words;
    use crate::bench::results::run::tests::results;
    use crate::bench::scenario::cache_state::CacheState;
    use crate::telemetry::LoggedSession;

    fn run() -> Results {
        let mut rounds = measured(CacheState::GoWarm, &[100, 101, 99, 100, 100]);
        rounds.extend(measured(CacheState::LocalHit, &[110, 111, 112, 110, 109]));
        rounds[0].state_checks = vec![StateCheck { expected: "x \\\",{[".to_owned(), seen: "y".to_owned(), ok: true }];
        let mut run = results(rounds);
        compute(&mut run);
        run
    }

    #[test]
    fn results_come_back_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let written = run();
        written.write(folder.path()).unwrap();
        let read = load(folder.path()).unwrap();
        assert_eq!((&read.rounds, &read.plan, &read.summary), (&written.rounds, &written.plan, &written.summary));
        assert_eq!(read.cut_off, None);
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_trouble() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(RESULTS_FILE);
        let trouble = |text: &str| {
            std::fs::write(&path, text).unwrap();
            in_words(&read(folder.path()).unwrap_err())
        };
        let cut = trouble("{\n\"schema\": 1,\n\"run\": ");
        assert!(cut.contains("is cut off at line 3, before its first round"), "{cut}");
        assert!(
            trouble("").contains("is cut off at line 0: nothing in it can be used") || trouble("").contains("line 1")
        );
        assert!(trouble("hello").contains("is no JSON"));
        assert!(trouble("{}").contains("is no results.json as bench writes it"));
        assert!(trouble("{\"schema\": 99}").contains("of version 99"));
        assert!(
            trouble("{\"schema\": 1}").contains("as bench writes it: missing field"),
            "{}",
            trouble("{\"schema\": 1}")
        );
        let mut other = serde_json::to_value(run()).unwrap();
        other["rounds"][0]["case"] = 3.into();
        assert!(trouble(&other.to_string()).contains("a step of case 3"), "{}", trouble(&other.to_string()));
        let mut other = serde_json::to_value(run()).unwrap();
        other["rounds"][1]["wall_ns"] = 0.into();
        assert!(trouble(&other.to_string()).contains("go-warm/2 took no time"), "{}", trouble(&other.to_string()));
        for (change, words) in impossible() {
            let mut other = serde_json::to_value(run()).unwrap();
            change(&mut other["rounds"][1]);
            let said = trouble(&other.to_string());
            assert!(said.contains("as bench writes it: ") && said.contains(words), "{said}");
        }
        std::fs::remove_file(&path).unwrap();
        assert!(format!("{:#}", read(folder.path()).unwrap_err()).contains("cannot read"));
    }

    type Change = fn(&mut Value);

    /// What no round can have, and what is said of it.
    fn impossible() -> [(Change, &'static str); 4] {
        [
            (|round| round["go_cpu_user_ns"] = u64::MAX.into(), "rounds[1].go_cpu_user_ns is 18446744073709551615"),
            (|round| round["started_unix_ns"] = u64::MAX.into(), "rounds[1].started_unix_ns is 18446744073709551615"),
            (
                |round| {
                    round["account"] = account(round["wall_ns"].as_u64().unwrap());
                    round["account"]["start_ns"] = u64::MAX.into();
                },
                "rounds[1].account.start_ns is 18446744073709551615",
            ),
            (
                |round| {
                    round["account"] = account(round["wall_ns"].as_u64().unwrap());
                    round["account"]["end_ns"] = 1.into();
                },
                "its account is of another time",
            ),
        ]
    }

    /// All of it is go's.
    fn account(wall_ns: u64) -> Value {
        let frame =
            Frame { backend_ns: 0, handshake_ns: 0, released_ns: wall_ns, wall_ns, workers: 1, cores: 1, go_cpu_ns: 0 };
        let log = LoggedSession { start_unix_ns: 0, pid: 1, go: None, lines: Vec::new() };
        serde_json::to_value(Account::of(frame, &log)).unwrap()
    }

    #[test]
    fn a_file_that_is_cut_off_anywhere_gives_its_whole_rounds_or_an_error() {
        let folder = tempfile::tempdir().unwrap();
        run().write(folder.path()).unwrap();
        let path = folder.path().join(RESULTS_FILE);
        let text = std::fs::read_to_string(&path).unwrap();
        let mut most = 0;
        for end in (0..text.len()).step_by(97) {
            std::fs::write(&path, &text.as_bytes()[..end]).unwrap();
            let Ok(left) = load(folder.path()) else {
                assert_eq!(most, 0, "it could be read when it was shorter");
                continue;
            };
            assert!(left.cut_off.as_ref().unwrap().contains("is cut off at line "));
            assert!(left.rounds.len() >= most && left.rounds == run().rounds[..left.rounds.len()]);
            most = left.rounds.len();
            tables::render(&left, &[], View { width: 100, colour: false });
        }
        assert_eq!(most, 10);
    }
}
