//! `cacheprog path`: prints where the store and the records are.

use std::fmt;
use std::path::PathBuf;

use clap::ArgMatches;

use crate::backend::arguments::backend_args::{CacheArgs, RecordArgs};
use crate::backend::folders;
use crate::cache::local::folder::store_folder;
use crate::config::folders::Place;
use crate::config::source;
use crate::{platform, stdout};

/// Prints both on stdout, a line each, with where that is from. `matches`: of the arguments.
///
/// # Errors
/// When stdout cannot be written.
pub fn path(cache: &CacheArgs, records: &RecordArgs, matches: &ArgMatches) -> anyhow::Result<()> {
    let is_here = cache.is_here();
    let by_here = ["here", "strategy"].into_iter().find_map(|id| source(matches, id));
    let lines = [
        (
            "store",
            cache.place(platform::find_user_temporary_folder).map(store_folder::resolve),
            source(matches, "cache_dir"),
        ),
        ("records", records.place(is_here, platform::find_user_temporary_folder), source(matches, "metrics")),
    ];
    let lines = lines.iter().map(|(name, place, given_by)| {
        let source = given_by.clone().or_else(|| by_here.clone()).unwrap_or_default();
        let replacement = match place {
            Place::Given(path) | Place::Here(path) | Place::Home(path) if *name == "store" => {
                folders::replacement(path)
            }
            _ => None,
        };
        format!("{}\n", Line { name, place, source, replacement })
    });
    stdout::print(&lines.collect::<String>())
}

struct Line<'a> {
    name: &'static str,
    place: &'a Place,
    /// Flag or variable that names the place.
    source: String,
    /// Why it cannot be written, and the folder that is used instead of it.
    replacement: Option<(String, PathBuf)>,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = match self.place.path() {
            Ok(path) => std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
            Err(why) => return write!(f, "{:<8} none: {why}", self.name),
        };
        write!(f, "{:<8} {}", self.name, path.display())?;
        match &self.place {
            Place::Given(_) | Place::Here(_) => write!(f, "  ({}", self.source)?,
            Place::Temporary { why, .. } => write!(f, "  (default: {why}")?,
            Place::Home(_) | Place::Nowhere { .. } => write!(f, "  (default")?,
        }
        if let Some((why, spare)) = &self.replacement {
            write!(f, "; {why}; {} is used", spare.display())?;
        }
        if path.is_dir() { write!(f, ")") } else { write!(f, "; not there yet)") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(place: &Place, source: &str) -> String {
        Line { name: "store", place, source: source.to_owned(), replacement: None }.to_string()
    }

    #[test]
    fn a_line_tells_the_path_where_it_is_from_and_whether_it_is_there() {
        let missing = || PathBuf::from("/nowhere/at all");
        assert_eq!(line(&Place::Given("/".into()), "--cache-dir"), "store    /  (--cache-dir)");
        assert_eq!(line(&Place::Home(missing()), ""), "store    /nowhere/at all  (default; not there yet)");
        let place = Place::Temporary { path: missing(), why: "HOME is empty".to_owned() };
        assert_eq!(line(&place, ""), "store    /nowhere/at all  (default: HOME is empty; not there yet)");
        let (place, replacement) =
            (Place::Home("/".into()), Some(("it cannot be written".to_owned(), "/tmp/s".into())));
        let line_of_replaced = Line { name: "store", place: &place, source: String::new(), replacement }.to_string();
        assert_eq!(line_of_replaced, "store    /  (default; it cannot be written; /tmp/s is used)");
        let place = Place::Nowhere { why: "HOME is empty, and so on".to_owned() };
        assert_eq!(line(&place, ""), "store    none: HOME is empty, and so on");
        let here = line(&Place::Here(".cache".into()), "CACHEPROG_HERE");
        let absolute = std::env::current_dir().unwrap().join(".cache");
        assert!(here.starts_with(&format!("store    {}  (CACHEPROG_HERE", absolute.display())), "{here}");
    }
}
