//! Why a scenario cannot be used: what is wrong, on which line, in words of the file and not of the parser.

use crate::bench::scenario::suggest::nearest;

/// Why a scenario cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    #[error("cannot read the scenario {path}: {source}")]
    Read { path: String, source: std::io::Error },
    #[error(
        "there is no scenario `{name}`\n  tried: the built-in ones ({known}), {file} and the file {name}\n  \
         next:  give one of these names, or the path of a .toml file"
    )]
    Unknown { name: String, file: String, known: String },
    #[error("{path}:{line}: {what}")]
    Parse { path: String, line: usize, what: String },
    #[error("{path}: {what}")]
    Invalid { path: String, what: String },
}

impl ScenarioError {
    /// What the parser found in the text of `path`.
    pub fn parse(path: &str, text: &str, error: &toml::de::Error) -> ScenarioError {
        let at = error.span().map_or(0, |span| span.start).min(text.len());
        let line = text[..at].matches('\n').count() + 1;
        let what = explain(error.message(), &Place::of(text, at));
        ScenarioError::Parse { path: path.to_owned(), line, what }
    }
}

/// Where the parser stopped.
#[derive(Debug, Default)]
struct Place<'a> {
    /// The key whose value it is, if it is one.
    key: Option<&'a str>,
    /// What follows.
    rest: &'a str,
}

impl<'a> Place<'a> {
    fn of(text: &'a str, at: usize) -> Place<'a> {
        let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
        let before = text[start..at].trim_end();
        let key = match before.strip_suffix('=') {
            Some(before) => before.trim_end().rsplit(|c| !is_of_key(c)).next(),
            // An element of a list.
            None => before.split_once('=').map(|(key, _)| key.trim()),
        };
        Place { key: key.filter(|key| !key.is_empty()), rest: text[at..].lines().next().unwrap_or_default() }
    }

    /// The key, or the header of a table, that stands here.
    fn word(&self) -> &'a str {
        let rest = self.rest.trim_start_matches('[');
        &rest[..rest.find(|c| !is_of_key(c)).unwrap_or(rest.len())]
    }

    /// In front of what is wrong with a value.
    fn name(&self) -> String {
        format!("`{}`", self.key.unwrap_or_else(|| self.word()))
    }
}

fn is_of_key(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// Turns what the parser says into words; what it says of the form of the file is clear enough.
fn explain(message: &str, place: &Place<'_>) -> String {
    if message.starts_with("unknown field `") {
        return unknown("key", message);
    }
    if message.starts_with("unknown variant `") {
        return unknown("value", message);
    }
    let wrong = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
    if let Some((found, expected)) = wrong.and_then(|wrong| wrong.split_once(", expected ")) {
        let hint = if (found, expected) == ("map", "a sequence") { ": write it in [[ ]]" } else { "" };
        return format!("{} is {}, and must be {}{hint}", place.name(), value(found), kind(expected));
    }
    match message {
        "wanted string or table" => format!("{} must be a text in quotes", place.name()),
        "duplicate key" => format!("`{}` is there twice", place.word()),
        other => match other.strip_prefix("missing field ") {
            Some(key) if place.rest.starts_with('[') => format!("the key {key} is missing in {}", place.rest.trim()),
            Some(key) => format!("the key {key} is missing"),
            None => other.to_owned(),
        },
    }
}

/// Turns serde's "unknown field `x`, expected one of `a`, `b`" into a sentence that names the nearest of them.
fn unknown(kind: &str, message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let wrong = quoted.next().unwrap_or_default();
    let known: Vec<&str> = quoted.collect();
    match nearest(wrong, &known) {
        Some(near) => format!("unknown {kind} `{wrong}`; did you mean `{near}`?"),
        None => format!("unknown {kind} `{wrong}`; known here: {}", known.join(", ")),
    }
}

/// A value as serde names it.
fn value(found: &str) -> String {
    let plain = ["integer ", "floating point ", "boolean "].iter().find_map(|kind| found.strip_prefix(kind));
    match (plain, found) {
        (Some(value), _) => value.trim_matches('`').to_owned(),
        (None, "sequence") => "a list".to_owned(),
        (None, "map") => "a table".to_owned(),
        (None, other) => other.replacen("string ", "the text ", 1),
    }
}

/// What serde expected.
fn kind(expected: &str) -> String {
    let words = match expected {
        "u8" => "a whole number from 0 to 255",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number, 0 or more",
        "i32" => "a whole number from -2147483648 to 2147483647",
        "f64" => "a number",
        "a string" => "a text in quotes",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        table if table.starts_with("struct ") => "a table",
        other => other,
    };
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use crate::bench::scenario::file::Scenario;

    /// What is said of a text after two good lines.
    fn error(text: &str) -> String {
        let text = format!("description = \"x\"\nstates = [\"remote-hit\"]\n{text}\n");
        Scenario::parse("m.toml", &text).map_or_else(|error| error.to_string(), |_| "good".to_owned())
    }

    #[test]
    fn unknown_keys_and_values_of_every_table_name_the_nearest() {
        for (text, words) in [
            ("[round]\nshort = 3", "3: unknown key `round`; did you mean `rounds`?"),
            ("strategy = \"pak\"", "3: unknown value `pak`; did you mean `pack`?"),
            ("[workload]\npackage = \"std\"", "4: unknown key `package`; did you mean `packages`?"),
            ("[link]\n# slow\njitter_ms = 0\nlatencies = 3", "6: unknown key `latencies`; did you mean `latency_ms`?"),
            ("[link]\nlatency = 3", "4: unknown key `latency`; did you mean `latency_ms`?"),
            ("[rounds]\nshrot = 3", "4: unknown key `shrot`; did you mean `short`?"),
            ("[rounds]\nzzzzzz = 3", "4: unknown key `zzzzzz`; known here: long, short, warm_up, profile"),
            ("[[cases]]\nname = \"x\"\nwithout = [\"ordr\"]", "5: unknown value `ordr`; did you mean `order`?"),
            ("[[cases]]\nname = \"x\"\nlink = { latency = 3 }", "5: unknown key `latency`; did you mean `latency_ms`?"),
            ("[[cases]]\nname = \"x\"\nchange = \"edit\"", "5: unknown value `edit`; did you mean `edit-one-file`?"),
            ("[grid]\nlatencies_ms = [0]", "4: unknown key `latencies_ms`; did you mean `latency_ms`?"),
            ("[[grid.strategies]]\nstrategy = \"packs\"", "4: unknown value `packs`; did you mean `pack`?"),
            ("[ci]\nmachine = [2]", "4: unknown key `machine`; did you mean `machines`?"),
            ("[ci]\nstart = [\"one-seed\"]", "4: unknown value `one-seed`; did you mean `one-seeds`?"),
            ("[prices]\nget_per_100 = 1", "4: unknown key `get_per_100`; did you mean `get_per_1000`?"),
        ] {
            assert_eq!(error(text), format!("m.toml:{words}"), "{text}");
        }
        let state = Scenario::parse("m.toml", "description = \"x\"\nstates = [\"go-war\"]\n").unwrap_err();
        assert_eq!(state.to_string(), "m.toml:2: unknown value `go-war`; did you mean `go-warm`?");
    }

    #[test]
    fn values_of_the_wrong_kind_are_told_in_words_of_the_file() {
        for (text, words) in [
            ("strategy = 5", "3: `strategy` must be a text in quotes"),
            ("paired_ratios = 1", "3: `paired_ratios` is 1, and must be true or false"),
            ("workload = 3", "3: `workload` is 3, and must be a table"),
            ("[workload]\npackages = [\"a\"]", "4: `packages` is a list, and must be a text in quotes"),
            ("[workload]\nimports = [1]", "4: `imports` is 1, and must be a text in quotes"),
            ("[link]\nlatency_ms = \"5\"", "4: `latency_ms` is the text \"5\", and must be a number"),
            (
                "[link]\nbandwidth = 1.5",
                "4: `bandwidth` is 1.5, and must be bytes a second, or a text like \"200 Mbit/s\"",
            ),
            ("[rounds]\nshort = -1", "4: `short` is -1, and must be a whole number from 0 to 4294967295"),
            ("[rounds]\nwarm_up = 1.0", "4: `warm_up` is 1.0, and must be a whole number from 0 to 4294967295"),
            ("[rounds]\nshort = 3\nshort = 4", "5: `short` is there twice"),
            ("[[cases]]\nstrategy = \"pack\"", "3: the key `name` is missing in [[cases]]"),
            ("[cases]\nname = \"x\"", "3: `cases` is a table, and must be a list: write it in [[ ]]"),
            ("[[cases]]\nname = \"x\"\nlink = { latency_ms = true }", "5: `latency_ms` is true, and must be a number"),
            (
                "[[cases]]\nname = \"x\"\nremote_share = 300",
                "5: `remote_share` is 300, and must be a whole number from 0 to 255",
            ),
            (
                "[[cases]]\nname = \"x\"\nknobs = { connections = -1 }",
                "5: `connections` is -1, and must be a whole number, 0 or more",
            ),
            (
                "[[cases]]\nname = \"x\"\nknobs = { back_off_ms = 1.5 }",
                "5: `back_off_ms` is 1.5, and must be a whole number, 0 or more",
            ),
            (
                "[[cases]]\nname = \"x\"\nknobs = { zstd_level = 99999999999 }",
                "5: `zstd_level` is 99999999999, and must be a whole number from -2147483648 to 2147483647",
            ),
            ("[grid]\nlatency_ms = 3", "4: `latency_ms` is 3, and must be a list"),
            ("[ci]\nmachines = [2]", "3: the key `packages` is missing in [ci]"),
            ("[prices]\nget_per_1000 = \"free\"", "4: `get_per_1000` is the text \"free\", and must be a number"),
        ] {
            assert_eq!(error(text), format!("m.toml:{words}"), "{text}");
        }
        let empty = Scenario::parse("m.toml", "").unwrap_err().to_string();
        assert_eq!(empty, "m.toml:1: the key `description` is missing");
    }

    #[test]
    fn values_out_of_range_name_their_key_and_their_range() {
        for (text, words) in [
            ("[rounds]\nlong = 0", "`long` of [rounds] is 0, and must be 1 to 10000"),
            ("[rounds]\nshort = 4000000000", "`short` of [rounds] is 4000000000, and must be 1 to 10000"),
            ("[workload]\ngenerated_packages = 0", "`generated_packages` of [workload] is 0, and must be 1 to 10000"),
            ("[workload]\ndata_kib = 4000000000", "`data_kib` of [workload] is 4000000000, and must be 0 to 16384"),
            (
                "[[cases]]\nname = \"x\"\nknobs = { connections = 0 }",
                "the case `x`: `connections` is 0, and must be 1 to 256",
            ),
            ("[link]\nlatency_ms = nan", "[link]: `latency_ms` is NaN, and must be 0 to 60000"),
            ("[link]\njitter_ms = 1e300", "[link]: `jitter_ms` is 1e300, and must be 0 to 60000"),
            ("[prices]\nget_per_1000 = -1", "`get_per_1000` of [prices] is -1, and must be 0 or more"),
            (
                "[[cases]]\nname = \"x\"\nlink = { latency_ms = -1 }",
                "the case `x`: `latency_ms` is -1.0, and must be 0 to 60000",
            ),
        ] {
            assert_eq!(error(text), format!("m.toml: {words}"), "{text}");
        }
    }

    #[test]
    fn a_place_at_any_byte_has_the_name_that_stands_there() {
        let text = "a = [\"é\", 3]\n[x]\n = ü";
        for at in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
            let said = super::explain("wanted string or table", &super::Place::of(text, at));
            assert!(said.ends_with("` must be a text in quotes"), "{at}: {said}");
        }
        let name = |what: &str| super::Place::of(text, text.find(what).unwrap()).name();
        assert_eq!(["\"é", "3", "[x]", "x]", "ü"].map(name), ["`a`", "`a`", "`x`", "`x`", "``"]);
    }
}
