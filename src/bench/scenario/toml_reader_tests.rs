use crate::scenario::file::Scenario;

/// The error of a text after two good lines.
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
fn values_of_the_wrong_kind_are_explained_in_words_of_the_file() {
    for (text, words) in [
        ("strategy = 5", "3: `strategy` is 5, and must be a text in quotes"),
        ("paired_ratios = 1", "3: `paired_ratios` is 1, and must be true or false"),
        ("workload = 3", "3: `workload` is 3, and must be a table"),
        ("[workload]\npackages = [\"a\"]", "4: `packages` is a list, and must be a text in quotes"),
        ("[workload]\nimports = [1]", "4: `imports` is 1, and must be a text in quotes"),
        ("[link]\nlatency_ms = \"5\"", "4: `latency_ms` is the text \"5\", and must be a number"),
        ("[link]\nbandwidth = 1.5", "4: `bandwidth` is 1.5, and must be bytes a second, or a text like \"200 Mbit/s\""),
        ("[rounds]\nshort = -1", "4: `short` is -1, and must be a whole number from 0 to 4294967295"),
        ("[rounds]\nwarm_up = 1.0", "4: `warm_up` is 1.0, and must be a whole number from 0 to 4294967295"),
        ("[rounds]\nshort = 3\nshort = 4", "5: duplicate key: `short`"),
        ("[[cases]]\nstrategy = \"pack\"", "3: `cases` needs the key `name`"),
        ("[cases]\nname = \"x\"", "3: `cases` is a table, and must be a list: write it in [[ ]]"),
        ("[[cases]]\nname = \"x\"\nlink = { latency_ms = true }", "5: `latency_ms` is true, and must be a number"),
        (
            "[[cases]]\nname = \"x\"\nremote_share = 300",
            "5: `remote_share` is 300, and must be a whole number from 0 to 255",
        ),
        (
            "[[cases]]\nname = \"x\"\nsettings = { connections = -1 }",
            "5: `connections` is -1, and must be a whole number, 0 or more",
        ),
        (
            "[[cases]]\nname = \"x\"\nsettings = { back_off_ms = 1.5 }",
            "5: `back_off_ms` is 1.5, and must be a whole number, 0 or more",
        ),
        (
            "[[cases]]\nname = \"x\"\nsettings = { zstd_level = 99999999999 }",
            "5: `zstd_level` is 99999999999, and must be a whole number from -2147483648 to 2147483647",
        ),
        ("[grid]\nlatency_ms = 3", "4: `latency_ms` is 3, and must be a list"),
        ("[ci]\nmachines = [2]", "3: `ci` needs the key `packages`"),
        ("[prices]\nget_per_1000 = \"free\"", "4: `get_per_1000` is the text \"free\", and must be a number"),
    ] {
        assert_eq!(error(text), format!("m.toml:{words}"), "{text}");
    }
    let empty = Scenario::parse("m.toml", "").unwrap_err().to_string();
    assert_eq!(empty, "m.toml:1: the scenario needs the key `description`");
}

#[test]
fn values_out_of_range_name_their_key_and_their_range() {
    for (text, words) in [
        ("[rounds]\nlong = 0", "`long` of [rounds] is 0, and must be 1 to 10000"),
        ("[rounds]\nshort = 4000000000", "`short` of [rounds] is 4000000000, and must be 1 to 10000"),
        ("[workload]\ngenerated_packages = 0", "`generated_packages` of [workload] is 0, and must be 1 to 10000"),
        ("[workload]\ndata_kib = 4000000000", "`data_kib` of [workload] is 4000000000, and must be 0 to 16384"),
        (
            "[[cases]]\nname = \"x\"\nsettings = { connections = 0 }",
            "the case `x`: `connections` is 0, and must be 1 to 256",
        ),
        ("[link]\nlatency_ms = nan", "[link]: `latency_ms` is NaN, and must be 0 to 60000"),
        (
            "[link]\nlatency_ms = 0\nrtt_ms = 1",
            "[link]: `rtt_ms` is 1.0, and must be at most `latency_ms` (0.0): the round trip is a part of the latency",
        ),
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
