//! The layout of the code: imports go one way, and each folder and file keeps its bounds.
//! `cargo test --test architecture` names each import circle.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Files by the path of their module, such as `bench::plan::steps`, with the modules that each imports.
type Imports = BTreeMap<String, BTreeSet<String>>;

const MOST_FILES: usize = 15;

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files(&path, found),
            false => found.push(path),
        }
    }
}

/// The module that a file of the library holds; none for programs and unit tests.
fn module(path: &Path) -> Option<String> {
    let below = path.strip_prefix(source()).unwrap().to_str().unwrap();
    let name = below.strip_suffix(".rs")?;
    if name.starts_with("bin/") || name == "lib" || name.ends_with("_tests") {
        return None;
    }
    Some(name.strip_suffix("/mod").unwrap_or(name).replace('/', "::"))
}

/// The paths that a file of `module` names outside of its unit tests: those from the root, and those that begin with a module
/// that the file declares.
fn named(module: &str, text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let code = code.split("#[cfg(test)]\npub mod tests").next().unwrap();
    let lines = || code.lines().map(str::trim_start).filter(|line| !line.starts_with("//"));
    let declared = lines().filter_map(|line| line.strip_suffix(';')?.rsplit_once("mod ").map(|(_, name)| name));
    // The root of each of the two crates; bench is a folder of the other one's.
    let own = if module.starts_with("bench") { "bench::" } else { "" };
    let mut paths: Vec<String> = paths_from(code, "crate").into_iter().map(|path| format!("{own}{path}")).collect();
    paths.extend(paths_from(code, "gocacheprog"));
    for name in declared {
        paths.extend(paths_from(code, name).into_iter().map(|path| format!("{module}::{name}::{path}")));
    }
    paths
}

/// What follows the first name of all paths that begin with it.
fn paths_from(code: &str, first: &str) -> Vec<String> {
    let is_of_path = |letter: char| letter.is_alphanumeric() || "_:".contains(letter);
    let start = format!("{first}::");
    let mut paths = Vec::new();
    for line in code.split('\n').filter(|line| !line.trim_start().starts_with("//")) {
        for (at, _) in line.match_indices(&start).filter(|(at, _)| !line[..*at].ends_with(is_of_path)) {
            let rest = &line[at + start.len()..];
            let (path, after) = rest.split_at(rest.find(|letter| !is_of_path(letter)).unwrap_or(rest.len()));
            match after.strip_prefix('{').and_then(|list| list.split_once('}')) {
                Some((list, _)) => paths.extend(list.split(',').map(|name| format!("{path}{}", name.trim()))),
                None => paths.push(path.to_owned()),
            }
        }
    }
    paths
}

fn imports() -> Imports {
    let mut found = Vec::new();
    files(&source(), &mut found);
    let sources: BTreeMap<String, PathBuf> =
        found.into_iter().filter_map(|path| Some((module(&path)?, path))).collect();
    let defined_in = |path: &str| {
        let mut path = path.trim_end_matches(':');
        loop {
            if sources.contains_key(path) {
                return Some(path.to_owned());
            }
            path = path.rsplit_once("::")?.0;
        }
    };
    let of = |(name, path): (&String, &PathBuf)| {
        let text = std::fs::read_to_string(path).unwrap();
        let imported =
            named(name, &text).iter().filter_map(|path| defined_in(path)).filter(|other| other != name).collect();
        (name.clone(), imported)
    };
    sources.iter().map(of).collect()
}

/// The imports between folders, cut off below so many levels, without those between a folder and one that lies in it.
fn between_folders(imports: &Imports, levels: usize) -> Imports {
    let is_folder = |module: &str| imports.keys().any(|other| other.starts_with(&format!("{module}::")));
    let folder = |module: &str| {
        let names: Vec<&str> = module.split("::").collect();
        let own = if is_folder(module) { names.len() } else { names.len() - 1 };
        names[..own.min(levels)].join("::")
    };
    let lies_in = |inner: &str, outer: &str| format!("{inner}::").starts_with(&format!("{outer}::"));
    let mut found = Imports::new();
    for (module, others) in imports {
        let from = folder(module);
        let others = others.iter().map(|other| folder(other));
        let apart = others.filter(|other| !other.is_empty() && !lies_in(other, &from) && !lies_in(&from, other));
        let apart: Vec<String> = apart.collect();
        found.entry(from).or_default().extend(apart);
    }
    found.remove("");
    found
}

/// The modules from which a chain of imports leads back to themselves.
fn circles(imports: &Imports) -> Vec<&String> {
    let leads_back = |start: &&String| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![*start]);
        while let Some(module) = open.pop() {
            for next in imports.get(module).into_iter().flatten() {
                if next == *start {
                    return true;
                }
                if seen.insert(next) {
                    open.push(next);
                }
            }
        }
        false
    };
    imports.keys().filter(leads_back).collect()
}

#[test]
fn no_chain_of_imports_leads_back() {
    let imports = imports();
    assert!(imports.len() > 300 && imports.values().map(BTreeSet::len).sum::<usize>() > 1000, "imports were found");
    assert_eq!(circles(&imports), [""; 0], "files");
    for depth in 1..=4 {
        assert_eq!(circles(&between_folders(&imports, depth)), [""; 0], "folders, {depth} deep");
    }
}

#[test]
fn a_circle_is_found() {
    let imports = |pairs: &[(&str, &str)]| {
        let mut found = Imports::new();
        for (from, to) in pairs {
            found.entry((*from).to_owned()).or_default().insert((*to).to_owned());
        }
        found
    };
    let circle = imports(&[("a::x", "b::y"), ("b::y", "c::v"), ("b::z", "a::x"), ("c::v", "d")]);
    assert_eq!(circles(&circle), [""; 0]);
    assert_eq!(circles(&between_folders(&circle, 1)), ["a", "b"]);
    assert_eq!(circles(&imports(&[("a", "b"), ("b", "a"), ("c", "a")])), ["a", "b"]);
    let text = "pub mod own;\nuse crate::a::{B, c};\n// crate::x\nlet d = crate::e::f(1) + own::g() + not_own::h();";
    assert_eq!(named("m", text), ["a::B", "a::c", "e::f", "m::own::g"]);
    assert_eq!(named("bench::m", "use crate::a::B;\nuse gocacheprog::c::d;"), ["bench::a::B", "c::d"]);
}

#[test]
fn results_are_raw_data_and_analysis_knows_no_report() {
    for (module, others) in imports() {
        let knows = |folder: &str| others.iter().any(|other| other.starts_with(folder));
        if module.starts_with("bench::results") {
            assert!(!knows("bench::analysis") && !knows("bench::report"), "{module}");
        }
        if module.starts_with("bench::analysis") || module.starts_with("bench::execute") {
            assert!(!knows("bench::report") && !knows("bench::commands"), "{module}");
        }
        if module.starts_with("cache") {
            assert!(!knows("telemetry"), "{module}: spans are emitted, and whoever wants listens");
        }
    }
}

#[test]
fn a_folder_can_be_read_at_a_glance() {
    let mut found = Vec::new();
    files(&source(), &mut found);
    let mut count: BTreeMap<&Path, usize> = BTreeMap::new();
    for path in &found {
        *count.entry(path.parent().unwrap()).or_default() += 1;
    }
    let full: Vec<_> = count.into_iter().filter(|(_, files)| *files > MOST_FILES).collect();
    assert!(full.is_empty(), "more than {MOST_FILES} files: {full:?}");
}
