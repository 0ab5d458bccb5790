//! The next steps for the errors of go that people meet most, by go's own words.

use crate::plan::go_command::quoted;

/// The next step where go takes bench's results for a part of the module.
const RESULTS: &str = "give a folder outside of {} with --out";

/// Words of go, and the next step in the folder of the module.
const KNOWN: [(&str, &str); 11] = [
    ("inconsistent vendoring", "run `go -C {} mod vendor`"),
    ("missing go.sum entry", "bench downloads nothing; run `go -C {} mod download` or `go -C {} mod tidy`"),
    ("GOPROXY=off", "bench downloads nothing; run `go -C {} mod download`"),
    ("no required module provides package", "generate the package, or run `go -C {} mod tidy`"),
    ("updates to go.mod needed", "run `go -C {} mod tidy`"),
    // A package embeds the folder that the results are written into.
    ("cannot embed irregular file", RESULTS),
    ("unexpected length", RESULTS),
    ("C compiler \"", "install a C compiler, or set CGO_ENABLED=0"),
    (
        "build constraints exclude all Go files",
        "give the tags that it needs with a command, as in `-- go build -tags TAG ./...`",
    ),
    ("toolchain not available", "download the toolchain; run `go -C {} version`"),
    ("requires go >= ", "download the toolchain; run `GOTOOLCHAIN=auto go -C {} version`, and set GOTOOLCHAIN=auto"),
];

/// The next step where go's words are known. `folder` is that of the module.
pub fn advice(said: &str, folder: &str) -> Option<String> {
    let (_, next) = KNOWN.iter().find(|(words, _)| said.contains(words))?;
    Some(next.replace("{}", &quoted(folder)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_words_have_a_next_step_with_the_folder() {
        let said = "go: x@v1.0.0: module lookup disabled by GOPROXY=off";
        assert_eq!(advice(said, "../mine").unwrap(), "bench downloads nothing; run `go -C ../mine mod download`");
        assert!(advice("cgo: C compiler \"gcc\" not found", ".").unwrap().contains("CGO_ENABLED=0"));
        assert_eq!(advice("syntax error", "."), None);
    }
}
