//! Tests of the go settings of the user.

use std::ffi::OsStr;

use super::*;

fn variables(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    pairs.iter().map(|(name, value)| (name.into(), value.into())).collect()
}

fn answers(pairs: &[(&str, &str)]) -> Answers {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn what_decides_the_build_is_kept_and_what_bench_sets_is_not() {
    let changed = answers(&[
        ("CGO_ENABLED", "0"),
        ("GOAMD64", "v3"),
        ("GOCACHE", "/c"),
        ("GOCACHEPROG", "/p"),
        ("GOEXPERIMENT", "greenteagc"),
        ("GOFUTURE", "1"),
        ("GOOS", "windows"),
        ("GOPRIVATE", "example.com"),
        ("GOPROXY", "https://user:secret@proxy"),
        ("GOVERSION", "go1.26"),
    ]);
    let set = variables(&[("GOMAXPROCS", "1"), ("GOGC", ""), ("GOOGLE_API_KEY", "secret"), ("GOAMD64", "v1")]);
    let kept = kept(changed, &answers(&[("FC", ""), ("CGO_CFLAGS_ALLOW", "-foo")]), set.into_iter());
    assert_eq!(kept["GOAMD64"], "v3");
    let names: Vec<&str> = kept.keys().map(String::as_str).collect();
    assert_eq!(names, ["CGO_CFLAGS_ALLOW", "CGO_ENABLED", "GOAMD64", "GOEXPERIMENT", "GOFUTURE", "GOMAXPROCS", "GOOS"]);
}

#[test]
fn what_the_user_has_set_in_vain_is_named() {
    let file = "GOCACHEPROG=/p\nGOFLAGS=-tags=x\n# no setting\nGOPROXY=direct\n";
    let set = variables(&[
        ("GOCACHE", "/c"),
        ("GOTMPDIR", ""),
        ("PATH", "/bin"),
        ("CACHEPROG_STRATEGY", "async"),
        ("S3_ENDPOINT", "http://x"),
        ("GOTOOLCHAIN", "local"),
    ]);
    assert_eq!(left_out(file, set.into_iter()), ["CACHEPROG_STRATEGY", "GOCACHE", "GOCACHEPROG", "GOPROXY"]);
}

#[test]
fn flags_that_spoil_the_measurement_are_taken_out_of_goflags() {
    let (kept, left_out) = flags_to_keep("-tags=a,b  -a '-ldflags=-s -w' -mod=mod \"-gcflags=all=-N -l\" -n=true");
    assert_eq!(kept, "-tags=a,b '-ldflags=-s -w' \"-gcflags=all=-N -l\"");
    assert_eq!(left_out, ["-a", "-mod=mod", "-n=true"]);
    assert_eq!(selecting("-json -tags=a,b '-ldflags=-s -w' -mod=vendor -v"), "-tags=a,b -mod=vendor");
    assert_eq!(flags_to_keep("-artifacts -v").1, ["-artifacts"]);
    assert_eq!(flags_to_keep("-mod=vendor -trimpath").0, "-mod=vendor -trimpath");
    assert_eq!(flags_to_keep("'-ldflags=-s").0, "'-ldflags=-s", "go says what is wrong with it");
    assert_eq!(flags_to_keep("").0, "");
}

#[test]
fn a_command_gets_the_settings_and_downloads_nothing() {
    let settings = UserSettings {
        module_cache: "/m".into(),
        kept: answers(&[("GOFLAGS", "-tags=x"), ("GOOS", "plan9")]),
        ..UserSettings::default()
    };
    let mut command = Command::new("go");
    let inherited = variables(&[("GOMAXPROCS", "3"), ("GOCACHE", "/c"), ("GOOS", "linux"), ("HOME", "/h")]);
    settings.configure_from(inherited.into_iter(), &mut command);
    let set = |name: &str| command.get_envs().find(|(key, _)| *key == name).and_then(|(_, value)| value);
    assert_eq!(set("GOMAXPROCS"), Some(OsStr::new("3")));
    assert_eq!(set("GOOS"), Some(OsStr::new("plan9")));
    assert_eq!(set("GOFLAGS"), Some(OsStr::new("-tags=x -buildvcs=false")));
    assert_eq!((set("GOCACHE"), set("HOME")), (None, None));
    assert_eq!(set("GOSUMDB"), Some(OsStr::new("sum.golang.org")), "off lets go write go.work.sum");
    assert_eq!((set("GOWORK"), set("GOPROXY")), (Some(OsStr::new("off")), Some(OsStr::new("off"))));
}
