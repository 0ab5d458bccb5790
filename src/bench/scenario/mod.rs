//! Scenarios as people write them: TOML files and the command line. Knows no results.

pub mod args;
pub mod backends;
pub mod bottleneck;
pub mod cache_state;
pub mod case;
pub mod ci;
pub mod file;
pub mod link;
pub mod network_grid;
pub mod quoted_words;
pub mod rule;
pub mod source_change;
pub mod suggest;
mod toml_reader;
