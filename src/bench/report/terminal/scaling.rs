//! The tables of `bench scaling`.

use std::path::Path;

use crate::analysis::statistics::stats::median;
use crate::report::terminal::grid::{Grid, View};
use crate::report::text::units;
use crate::report::text::units::Column;
use crate::results::scaling::{Commit, ENTRIES_PER_BODY, Scaling, Size, Start};

/// Commits from one row to the next.
const COMMITS_A_ROW: u32 = 10;

/// All that `bench scaling` prints, with the path of the file of its samples.
pub fn printed(scaling: &Scaling, path: &Path, view: View) -> String {
    format!("{}\n{}  every sample\n", tables(scaling, view), path.display())
}

fn tables(scaling: &Scaling, view: View) -> String {
    let (sizes, ms) = (&scaling.sizes, scaling.first_byte_ms);
    let mut text = String::new();
    if !sizes.is_empty() {
        text += &format!(
            "A local store by its entries, and a session that gets one of them\n\n{}\n\n\
             filling: ten sessions that put all entries, with their uploads, divided by the entries.\n\n",
            local(sizes).render(view)
        );
        text += &format!(
            "A bucket by its entries, and a machine without a local store that gets one of them\n\n{}\n\n\
             first answer: from the start of the process. far: with {ms} ms of latency. round trips: the difference, in units of {ms} ms.\n\
             Medians of {} sessions. {} entries share a body of 1 kB, so packs are smaller than those of a build.\n",
            bucket(sizes, ms).render(view),
            sizes[0].local.len(),
            ENTRIES_PER_BODY,
        );
    }
    if !scaling.commits.is_empty() {
        text += &format!(
            "\nA bucket over small commits: each is built by a machine without a local store, which needs 1000 entries of 20 kB\n\n{}\n\n\
             commit 0 fills the bucket; each other one changes 20 entries. wall, requests, down, up: until the answer\n\
             to close, with {ms} ms of latency; merging comes after it.\n",
            commits(&scaling.commits).render(view)
        );
    }
    text
}

fn middle(starts: &[Start], pick: impl Fn(&Start) -> Option<u64>) -> Option<f64> {
    let values: Option<Vec<f64>> = starts.iter().map(|start| pick(start).map(|value| value as f64)).collect();
    median(&values?)
}

fn text(rows: usize, cell: impl Fn(usize) -> String) -> Column {
    Column { unit: None, cells: (0..rows).map(cell).collect() }
}

fn local(sizes: &[Size]) -> Grid {
    let time = |pick: fn(&Start) -> u64| {
        let values: Vec<_> = sizes.iter().map(|size| middle(&size.local, |start| Some(pick(start)))).collect();
        units::duration_column(&values)
    };
    let memory: Vec<_> = sizes.iter().map(|size| middle(&size.local, |start| start.peak_rss_bytes)).collect();
    let index: Vec<_> = sizes.iter().map(|size| Some(size.index_bytes as f64)).collect();
    let filling: Vec<_> = sizes.iter().map(|size| Some(size.filling_ns as f64 / size.entries as f64)).collect();
    Grid::of_columns(&[
        ("entries", text(sizes.len(), |row| sizes[row].entries.to_string())),
        ("index", units::size_column(&index)),
        ("handshake", time(|start| start.handshake_ns)),
        ("first answer", time(|start| start.first_answer_ns)),
        ("memory", units::size_column(&memory)),
        ("filling, each", units::duration_column(&filling)),
    ])
}

fn bucket(sizes: &[Size], latency_ms: f64) -> Grid {
    let first = |starts: &[Start]| middle(starts, |start| Some(start.first_answer_ns));
    let times = |pick: fn(&Size) -> &[Start]| {
        units::duration_column(&sizes.iter().map(|size| first(pick(size))).collect::<Vec<_>>())
    };
    let trips = |row: usize| {
        let more_ns = first(&sizes[row].far).zip(first(&sizes[row].near)).map(|(far, near)| far - near);
        let trips = more_ns.filter(|_| latency_ms > 0.0).map(|more_ns| more_ns / (latency_ms * 1e6));
        trips.map_or(units::MISSING.to_owned(), |trips| format!("{trips:.1}"))
    };
    let memory: Vec<_> = sizes.iter().map(|size| middle(&size.far, |start| start.peak_rss_bytes)).collect();
    let bytes: Vec<_> = sizes.iter().map(|size| middle(&size.far, |start| Some(start.manifest_bytes))).collect();
    let stored: Vec<_> = sizes.iter().map(|size| Some(size.bucket_bytes as f64)).collect();
    Grid::of_columns(&[
        ("entries", text(sizes.len(), |row| sizes[row].entries.to_string())),
        ("objects", text(sizes.len(), |row| sizes[row].objects.to_string())),
        ("bucket", units::size_column(&stored)),
        ("manifests", text(sizes.len(), |row| units::count(middle(&sizes[row].far, |start| Some(start.manifests))))),
        ("bytes", units::size_column(&bytes)),
        ("first answer", times(|size| &size.near)),
        ("far", times(|size| &size.far)),
        ("round trips", text(sizes.len(), trips)),
        ("memory", units::size_column(&memory)),
    ])
}

fn commits(commits: &[Commit]) -> Grid {
    let shown: Vec<&Commit> =
        commits.iter().filter(|commit| commit.number <= 1 || commit.number % COMMITS_A_ROW == 0).collect();
    let size = |pick: fn(&Commit) -> u64| {
        units::size_column(&shown.iter().map(|commit| Some(pick(commit) as f64)).collect::<Vec<_>>())
    };
    let count = |pick: fn(&Commit) -> u64| text(shown.len(), |row| pick(shown[row]).to_string());
    let walls: Vec<_> = shown.iter().map(|commit| Some(commit.wall_ns as f64)).collect();
    Grid::of_columns(&[
        ("commit", count(|commit| commit.number.into())),
        ("wall", units::duration_column(&walls)),
        ("hits", count(|commit| commit.hits)),
        ("misses", count(|commit| commit.misses)),
        ("requests", count(|commit| commit.requests)),
        ("down", size(|commit| commit.bytes_down)),
        ("up", size(|commit| commit.bytes_up)),
        ("manifests", count(|commit| commit.manifests)),
        ("packs", count(|commit| commit.packs)),
        ("bucket", size(|commit| commit.bucket_bytes)),
    ])
}
