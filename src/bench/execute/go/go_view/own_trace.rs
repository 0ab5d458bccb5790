//! go's own trace (`-debug-trace`) as slices on our time axis.

use anyhow::Result;
use serde::Deserialize;
use serde_json::{Value, json};

/// First number of the further rows, for slices that overlap in one of go's own.
const FURTHER_ROWS: usize = 500;

/// An event of go's own trace; fields that are not used are left out.
#[derive(Debug, Deserialize)]
struct OwnEvent {
    name: String,
    ph: String,
    ts: f64,
    #[serde(default)]
    tid: usize,
    #[serde(default)]
    id: u64,
}

/// The slices and arrows that go traced itself, on our axis and under its true process number.
///
/// go writes begin and end of spans, of which some in one row overlap without lying in each other. They become slices, by
/// name; one that does not fit into its row goes into a further one.
pub fn own_events(text: &str, go: u32, zero_us: f64) -> Result<Vec<Value>> {
    let own: Vec<OwnEvent> = serde_json::from_str(text)?;
    let (mut events, mut open, mut slices) = (Vec::new(), Vec::<&OwnEvent>::new(), Vec::new());
    for event in &own {
        match event.ph.as_str() {
            "B" => open.push(event),
            "E" => {
                let begin = open.iter().rposition(|begin| (begin.tid, &begin.name) == (event.tid, &event.name));
                slices.extend(begin.map(|at| (open.remove(at), event.ts)));
            }
            // An arrow leaves its slice before that has ended.
            "s" => events.push(own_flow(event, go, event.ts - zero_us - 0.001)),
            _ => events.push(own_flow(event, go, event.ts - zero_us)),
        }
    }
    slices.sort_by(|one, two| one.0.ts.total_cmp(&two.0.ts).then(two.1.total_cmp(&one.1)));
    let mut rows = Vec::<OwnRow>::new();
    for (begin, end) in slices {
        let fits = |row: &mut OwnRow| {
            row.ends.retain(|other| *other > begin.ts);
            row.tid == begin.tid && row.ends.last().is_none_or(|other| end <= *other)
        };
        let at = rows.iter_mut().position(fits).unwrap_or_else(|| {
            // The first row of each of go's keeps its number: arrows lead there.
            let is_first = rows.iter().all(|row| row.tid != begin.tid);
            let number = if is_first { begin.tid } else { FURTHER_ROWS + rows.len() };
            let name = if begin.tid == 0 { "go".to_owned() } else { format!("go worker {}", begin.tid) };
            events.push(metadata("thread_name", go, Some(number), json!({ "name": name })));
            rows.push(OwnRow { tid: begin.tid, number, ends: Vec::new() });
            rows.len() - 1
        });
        rows[at].ends.push(end);
        let row = rows[at].number;
        let (ts, dur) = (round_us(begin.ts - zero_us), round_us(end - begin.ts));
        events.push(json!({ "name": begin.name, "cat": "go", "ph": "X", "ts": ts, "dur": dur, "pid": go, "tid": row }));
    }
    Ok(events)
}

/// A row of slices that do not overlap.
struct OwnRow {
    /// The number of go's own row.
    tid: usize,
    number: usize,
    /// Ends of the slices that are open, the innermost last.
    ends: Vec<f64>,
}

fn own_flow(event: &OwnEvent, go: u32, ts: f64) -> Value {
    let ts = round_us(ts);
    let OwnEvent { name, ph, tid, id, .. } = event;
    json!({ "name": name, "cat": "go", "ph": ph, "id": id, "ts": ts, "pid": go, "tid": tid, "bp": "e" })
}

/// A metadata event of a trace: names a process or a row.
pub(crate) fn metadata(name: &str, pid: u32, tid: Option<usize>, args: Value) -> Value {
    json!({ "name": name, "ph": "M", "pid": pid, "tid": tid.unwrap_or(0), "args": args })
}

/// Microseconds, rounded to whole nanoseconds.
pub(crate) fn round_us(us: f64) -> f64 {
    (us * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZERO_NS: u64 = 1_700_000_000_000_000_000;

    #[test]
    fn gos_own_times_lie_on_our_axis() {
        let event = |name: &str, ph: &str, ts: f64| json!({ "name": name, "ph": ph, "ts": 1_700_000_000_000_000.0 + ts, "tid": 1 });
        let text = json!([
            event("load", "B", 2000.0),
            event("read", "B", 2500.0),
            event("load", "E", 3000.0),
            event("read", "E", 3500.0),
            event("load -> read", "s", 3000.0),
        ]);
        let events = own_events(&text.to_string(), 11, ZERO_NS as f64 / 1000.0).unwrap();
        let slices: Vec<_> = events.iter().filter(|event| event["ph"] == "X").collect();
        let seen: Vec<_> =
            slices.iter().map(|event| (&event["name"], &event["ts"], &event["dur"], &event["tid"])).collect();
        assert_eq!(seen[0], (&json!("load"), &json!(2000.0), &json!(1000.0), &json!(1)));
        assert_eq!(seen[1], (&json!("read"), &json!(2500.0), &json!(1000.0), &json!(FURTHER_ROWS + 1)), "they overlap");
        let arrow = events.iter().find(|event| event["ph"] == "s").unwrap();
        assert!(arrow["ts"].as_f64().unwrap() < 3000.0, "an arrow leaves before its slice has ended");
        assert!(events.iter().all(|event| event["pid"] == 11));
        let names = events.iter().filter(|event| event["ph"] == "M");
        assert_eq!(names.map(|event| event["args"]["name"].as_str()).collect::<Vec<_>>(), [Some("go worker 1"); 2]);
    }
}
