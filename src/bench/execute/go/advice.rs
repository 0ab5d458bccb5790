//! The next steps for the errors of go that people meet most, by go's own words.

/// The next step where go takes bench's results for a part of the module.
const RESULTS: &str = "give a folder outside of {} with --out";

/// Words of go, and the next step in the folder of the module.
const KNOWN: [(&str, &str); 11] = [
    ("inconsistent vendoring", "run `go mod vendor` in {}"),
    ("missing go.sum entry", "run `go mod download` in {}, or `go mod tidy`: bench downloads nothing"),
    ("GOPROXY=off", "run `go mod download` in {}: bench downloads nothing"),
    ("no required module provides package", "run `go mod tidy` in {}, or what generates the package"),
    ("updates to go.mod needed", "run `go mod tidy` in {}"),
    // A package embeds the folder that the results are written into.
    ("cannot embed irregular file", RESULTS),
    ("unexpected length", RESULTS),
    ("C compiler \"", "install a C compiler, or set CGO_ENABLED=0"),
    (
        "build constraints exclude all Go files",
        "give the tags that it needs: bench --workload {} -- go build -tags TAG ./...",
    ),
    ("toolchain not available", "run `go version` in {}, which downloads the toolchain"),
    (
        "requires go >= ",
        "run `GOTOOLCHAIN=auto go version` in {}, which downloads the toolchain, and set GOTOOLCHAIN=auto",
    ),
];

/// The next step where go's words are known. `folder` is that of the module.
pub fn advice(said: &str, folder: &str) -> Option<String> {
    let (_, next) = KNOWN.iter().find(|(words, _)| said.contains(words))?;
    Some(next.replace("{}", folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_words_have_a_next_step_with_the_folder() {
        let said = "go: x@v1.0.0: module lookup disabled by GOPROXY=off";
        assert_eq!(advice(said, "../mine").unwrap(), "run `go mod download` in ../mine: bench downloads nothing");
        assert!(advice("cgo: C compiler \"gcc\" not found", ".").unwrap().contains("CGO_ENABLED=0"));
        assert_eq!(advice("syntax error", "."), None);
    }
}
