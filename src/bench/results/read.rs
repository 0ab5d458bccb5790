//! Reads the raw data of a run from its `results.json`: whole, or the part before a cut.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

use crate::results::round::Round;
use crate::results::run::{RESULTS_FILE, Run, SCHEMA};
use crate::results::time_breakdown::TimeBreakdown;

/// The largest number that is believed: eleven days in nanoseconds, a petabyte. Sums of larger ones would overflow.
const MOST: f64 = 1e15;
/// The latest date that is believed, Unix nanoseconds.
const MOST_UNIX_NS: f64 = 9e18;

/// The next step in errors.
const NEXT: &str = "next:  give the folder of a run below metrics/";

/// Reads the file: `path` is the folder of a run, or the file itself. What was computed from the raw data is not read.
///
/// # Errors
/// When it cannot be read, is of another version, is something else, or is cut off before its first round.
pub fn read(path: &Path) -> Result<Run> {
    let is_folder = path.is_dir();
    if is_folder && path.join(RESULTS_FILE).try_exists().is_ok_and(|exists| !exists) {
        bail!("{} has no {RESULTS_FILE}, so it is no run\n  {NEXT}", path.display());
    }
    let path = if is_folder { path.join(RESULTS_FILE) } else { path.to_owned() };
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
        Some(schema) => bail!(other_version(&shown.to_string(), schema, &whole)),
        None => bail!("{}", unusable()),
    }
    let measured = ["rounds", "machines"].into_iter().filter_map(|part| Some((part, whole.get(part)?)));
    if let Some(what) = measured.into_iter().find_map(|(part, value)| too_large(value, part)) {
        return Err(anyhow!("{what}, which nothing can be")).with_context(unusable);
    }
    let run = serde_json::from_value(whole).map_err(anyhow::Error::from);
    let mut run: Run = run.and_then(checked).with_context(unusable)?;
    run.cut_off = cut_off.map(|what| format!("{what}: it has {} rounds", run.rounds.len()));
    Ok(run)
}

/// The error for a file that an older or newer bench wrote.
fn other_version(shown: &str, schema: u64, whole: &Value) -> String {
    let age = if schema < u64::from(SCHEMA) { "an older" } else { "a newer" };
    let writer = whole.pointer("/environment/bench_version").and_then(Value::as_str);
    let writer = writer.map_or(String::new(), |version| format!(" {version}"));
    format!(
        "{shown} was written by {age} bench{writer} in format {schema}; this one reads format {SCHEMA}\n  next:  run it again with this \
         bench, or build bench from the commit that wrote it"
    )
}

/// Checks what all readers of a run rely on.
fn checked(run: Run) -> Result<Run> {
    let (plan, cases) = (&run.plan, run.plan.cases.len());
    let of_steps = run.rounds.iter().map(|round| &round.step).chain(&plan.steps).filter_map(|step| step.case);
    let of_cases = plan.cases.iter().flat_map(|case| [case.baseline, case.pair.as_ref().map(|pair| pair.base)]);
    let of_bottlenecks = plan.study.bottlenecks().iter().map(|bottleneck| bottleneck.case);
    if let Some(case) = of_steps.chain(of_cases.flatten()).chain(of_bottlenecks).find(|case| *case >= cases) {
        bail!("it refers to case {case}, counted from 0, and has {cases} cases");
    }
    let is_breakdown_wrong = |round: &Round| {
        let breakdown = round.time_breakdown.as_ref();
        breakdown.is_some_and(|of| of.wall_ns != round.wall_ns || sum_ns(of) != Some(round.wall_ns))
    };
    match run.rounds.iter().find(|round| round.wall_ns == 0 || is_breakdown_wrong(round)) {
        Some(round) => bail!("{} took no time, or its time breakdown does not add up to its wall time", round.folder),
        None => Ok(run),
    }
}

/// The sum of the seven parts; None where it overflows.
fn sum_ns(breakdown: &TimeBreakdown) -> Option<u64> {
    let TimeBreakdown { startup_ns, handshake_ns, go_only_ns, overlapped_ns, blocked_ns, close_ns, exit_ns, .. } =
        breakdown;
    let parts = [startup_ns, handshake_ns, go_only_ns, overlapped_ns, blocked_ns, close_ns, exit_ns];
    parts.into_iter().try_fold(0_u64, |sum, ns| sum.checked_add(*ns))
}

/// The first number that is too large to be believed, with its place in the file.
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

/// The start of a text that was cut off, closed after its last whole value: one of the outermost object, or an element of a
/// list in it.
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
#[path = "read_tests.rs"]
mod tests;
