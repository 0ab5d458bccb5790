//! Reads `request.txt` back: the same requests and answers that were written.

use std::collections::HashMap;
use std::str::FromStr;

use crate::protocol::{ActionId, Command, Id, Request};
use crate::telemetry::model::answer::{Answer, Outcome, Times};
use crate::telemetry::request_log::writer::{HEADER, Line, STAGES};

/// A request log.
#[derive(Clone, Debug, PartialEq)]
pub struct LoggedSession {
    /// When the session started, Unix nanoseconds.
    pub start_unix_ns: u64,
    /// Number of its process.
    pub pid: u32,
    /// Version of the go that it served, where it is known.
    pub go: Option<String>,
    /// Requests and answers, each with its time: nanoseconds since the start.
    pub lines: Vec<(u64, Line)>,
}

/// A line that is not of the format.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {number}: {what}")]
pub struct LogError {
    /// Its number; the first line is 1.
    pub number: usize,
    /// The reason.
    pub what: String,
}

/// The latest time that a session may have, nanoseconds: months. What is later was never measured, and sums of it would overflow.
const MOST_NS: u64 = 1 << 53;

/// The `key=value` pairs of one line.
type Fields<'a> = HashMap<&'a str, &'a str>;

/// Reads a whole log.
///
/// # Errors
/// [`LogError`] at the first line that is not of the format; the last one of a session that was killed may be cut.
pub fn read_request_log(text: &str) -> Result<LoggedSession, LogError> {
    let mut lines = text.lines().enumerate().map(|(at, line)| (at + 1, line));
    let (_, first) = lines.next().unwrap_or((1, ""));
    let mut session = header(first).map_err(|what| LogError { number: 1, what })?;
    let mut actions = HashMap::new();
    for (number, line) in lines {
        let read = event(line, &mut actions).map_err(|what| LogError { number, what })?;
        session.lines.push(read);
    }
    Ok(session)
}

fn header(line: &str) -> Result<LoggedSession, String> {
    let rest = line.strip_prefix(HEADER).ok_or_else(|| format!("does not begin with {HEADER:?}"))?;
    let fields = fields(rest.trim_start())?;
    let go: String = value(&fields, "go")?;
    let (start_unix_ns, pid) = (value(&fields, "start_unix_ns")?, value(&fields, "pid")?);
    Ok(LoggedSession { start_unix_ns, pid, go: Some(go).filter(|go| go != "-"), lines: Vec::new() })
}

fn event(line: &str, actions: &mut HashMap<i64, ActionId>) -> Result<(u64, Line), String> {
    let [time, direction, id, kind, rest] = words(line);
    let (at_ns, id) = (nanoseconds(time)?, number(id)?);
    match direction {
        "->" => {
            let command = command(kind, &fields(rest)?)?;
            if let Command::Get { action } | Command::Put { action, .. } = &command {
                actions.insert(id, *action);
            }
            Ok((at_ns, Line::Request(Request { id, command })))
        }
        "<-" => answer(at_ns, id, kind, rest, actions.get(&id).copied()).map(|answer| (at_ns, Line::Answer(answer))),
        other => Err(format!("{other:?} is neither -> nor <-")),
    }
}

fn command(kind: &str, fields: &Fields<'_>) -> Result<Command, String> {
    Ok(match kind {
        "get" => Command::Get { action: id_of(fields, "action")? },
        "put" => Command::Put {
            action: id_of(fields, "action")?,
            output: id_of(fields, "output")?,
            body_bytes: value(fields, "bytes")?,
        },
        "close" => Command::Close,
        "unknown" => Command::Unknown { name: text_of(fields, "name")?, body_bytes: value(fields, "bytes")? },
        other => return Err(format!("{other:?} is no command")),
    })
}

fn answer(at_ns: u64, id: i64, kind: &str, rest: &str, action: Option<ActionId>) -> Result<Answer, String> {
    let kind = kind.parse().map_err(|_| "an answer to no command")?;
    let (outcome, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let fields = fields(rest)?;
    let has_output = fields.contains_key("output");
    Ok(Answer {
        id,
        kind,
        action,
        output: has_output.then(|| id_of(&fields, "output")).transpose()?,
        bytes: has_output.then(|| value(&fields, "bytes")).transpose()?,
        outcome: outcome_of(outcome, &fields)?,
        error: fields.contains_key("err").then(|| text_of(&fields, "err")).transpose()?,
        times: times(at_ns, &fields)?,
    })
}

fn outcome_of(name: &str, fields: &Fields<'_>) -> Result<Outcome, String> {
    Ok(match (name, fields.get("source").copied(), fields.get("own").copied()) {
        ("hit", Some("local"), Some("0")) => Outcome::HitLocal { is_foreign: true },
        ("hit", Some("local"), Some("1")) => Outcome::HitLocal { is_foreign: false },
        ("hit", Some("remote"), _) => Outcome::HitRemote,
        ("hit", Some("unknown"), Some("0")) => Outcome::Hit { is_foreign: true },
        ("hit", Some("unknown"), Some("1")) => Outcome::Hit { is_foreign: false },
        ("hit", ..) => return Err("a hit without a source".to_owned()),
        ("miss", ..) => Outcome::Miss,
        ("stored", ..) => Outcome::Stored,
        ("closed", ..) => Outcome::Closed,
        ("error", ..) => Outcome::Error,
        (other, ..) => return Err(format!("{other:?} is no outcome")),
    })
}

/// The times of an answer, from its end and what each stage took.
fn times(answered_ns: u64, fields: &Fields<'_>) -> Result<Times, String> {
    let mut took_ns = [0; STAGES.len()];
    for (ns, name) in took_ns.iter_mut().zip(STAGES) {
        *ns = value(fields, name)?;
    }
    let whole_ns: u64 = value(fields, "took_ns")?;
    let sum_ns = took_ns.iter().try_fold(0_u64, |sum, ns| sum.checked_add(*ns));
    if sum_ns != Some(whole_ns) || whole_ns > answered_ns {
        return Err(format!("the stages do not add up to took_ns={whole_ns}"));
    }
    let mut at_ns = answered_ns - whole_ns;
    let [started_ns, body_ns, local_ns, decided_ns, _] = took_ns.map(|ns| {
        at_ns += ns;
        at_ns
    });
    let arrived_ns = answered_ns - whole_ns;
    let kept_ns = if fields.contains_key("kept_ns") { value(fields, "kept_ns")? } else { 0 };
    if kept_ns > answered_ns {
        return Err(format!("kept_ns={kept_ns} is longer than the session"));
    }
    Ok(Times { arrived_ns, started_ns, body_ns, local_ns, decided_ns, answered_ns, kept_ns, ..Times::default() })
}

/// The first four words of a line, and the rest; empty where there are fewer.
fn words(line: &str) -> [&str; 5] {
    let mut words = line.splitn(5, ' ');
    std::array::from_fn(|_| words.next().unwrap_or_default())
}

/// Pairs apart by spaces. A value in quotes goes to the end of the line.
fn fields(mut rest: &str) -> Result<Fields<'_>, String> {
    let mut fields = Fields::new();
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=').ok_or_else(|| format!("{rest:?} is no key=value"))?;
        let end = if after.starts_with('"') { None } else { after.split_once(' ') };
        let (value, left) = end.unwrap_or((after, ""));
        if fields.insert(key, value).is_some() {
            return Err(format!("{key} is there twice"));
        }
        rest = left;
    }
    Ok(fields)
}

fn field<'a>(fields: &Fields<'a>, key: &str) -> Result<&'a str, String> {
    fields.get(key).copied().ok_or_else(|| format!("there is no {key}="))
}

fn value<T: FromStr>(fields: &Fields<'_>, key: &str) -> Result<T, String> {
    let text = field(fields, key)?;
    text.parse().map_err(|_| format!("{key}={text} cannot be read"))
}

fn id_of<K>(fields: &Fields<'_>, key: &str) -> Result<Id<K>, String> {
    let text = field(fields, key)?;
    Id::from_wire(text).ok_or_else(|| format!("{key}={text} is not 32 bytes of base64"))
}

fn text_of(fields: &Fields<'_>, key: &str) -> Result<String, String> {
    let text = field(fields, key)?;
    serde_json::from_str(text).map_err(|error| format!("{key} is no JSON string: {error}"))
}

fn number(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| format!("{text:?} is no request's number"))
}

fn nanoseconds(text: &str) -> Result<u64, String> {
    let read = text.split_once('.').filter(|(_, fraction)| fraction.len() == 9).and_then(|(seconds, fraction)| {
        let (seconds, fraction): (u64, u64) = (seconds.parse().ok()?, fraction.parse().ok()?);
        seconds.checked_mul(1_000_000_000)?.checked_add(fraction).filter(|ns| *ns <= MOST_NS)
    });
    read.ok_or_else(|| format!("{text:?} is no time"))
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
