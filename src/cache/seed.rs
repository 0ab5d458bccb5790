//! Fills a remote from a local store, as the build did that filled the store, but without a compiler.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::StreamExt;
use tokio::time::Instant;
use xxhash_rust::xxh3::xxh3_64;

use crate::cache::local::index::entry::Entry;
use crate::cache::local::store::LocalStore;
use crate::cache::local_and_remote::Cache;
use crate::cache::remote::s3_config::config as s3_config;
use crate::cache::remote::store::Remote;
use crate::cache::strategy::remote_strategy::Options;
use crate::cache::uploads::session::Uploads;
use crate::config::strategy::{PackOption, Strategy};
use crate::platform::fault_injection::FaultSettings;
use crate::protocol::ActionId;

/// Puts that wait at the same time where the strategy lets them wait: what a build on as many cores has under way.
const WAITING: usize = 8;
/// The longest that the uploads may take.
const DEADLINE: Duration = Duration::from_secs(600);

/// Arguments of the hidden command that fills a remote. The remote comes from the `S3_` variables, as for the backend.
#[derive(Debug, clap::Args)]
pub struct SeedArgs {
    /// Folder of the local store that is sent
    #[arg(long, value_name = "DIR")]
    cache_dir: PathBuf,
    /// Strategy under which the entries are put
    #[arg(long, value_enum)]
    strategy: Strategy,
    /// Parts of the strategy `pack` that are off, joined by commas
    #[arg(long, value_enum, value_name = "PART", value_delimiter = ',')]
    without: Vec<PackOption>,
    /// Percent of the entries that are sent: the same ones each time
    #[arg(long, value_name = "PERCENT", default_value_t = 100, value_parser = clap::value_parser!(u8).range(1..=100))]
    share: u8,
}

/// Sends the entries of a local store to the remote, and waits until all are out.
///
/// # Errors
/// When there is no remote or no entry, or an entry did not get out.
pub fn seed(args: &SeedArgs) -> anyhow::Result<()> {
    let config =
        s3_config::from_env(|name| std::env::var_os(name)).map_err(|error| anyhow::Error::msg(error.report()))?;
    let config = config.context("there is no remote to fill\n  next:  set the S3_ variables")?;
    let options = Options {
        strategy: args.strategy,
        without: args.without.clone(),
        writes_plain: false,
        faults: FaultSettings::default(),
        remembers_remote: false,
    };
    let cache = Cache::new(LocalStore::open(&args.cache_dir), Some(Remote::new(config)), &options);
    let entries = chosen(cache.local().entries(), args.share);
    if entries.is_empty() {
        bail!("{} holds no entries to fill a remote with", args.cache_dir.display());
    }
    let runtime = tokio::runtime::Runtime::new().context("cannot start the threads that upload")?;
    runtime.block_on(send(&cache, &entries));
    let counts = cache.uploads().map(Uploads::counts).unwrap_or_default();
    if counts.left > 0 {
        let reason = cache.remote().and_then(Remote::uploads_off_reason);
        let reason = reason.as_deref().unwrap_or("no reason was given");
        bail!("{} of {} entries did not get into the remote: {reason}", counts.left, entries.len());
    }
    Ok(())
}

async fn send(cache: &Cache, entries: &[(ActionId, Entry)]) {
    let puts = entries.iter().map(|(action, entry)| cache.put_again(*action, *entry));
    futures_util::stream::iter(puts).buffered(WAITING).collect::<Vec<()>>().await;
    cache.drain(Instant::now() + DEADLINE).await;
}

/// A fixed share of the entries, in the order in which they were put.
fn chosen(mut entries: Vec<(ActionId, Entry)>, percent: u8) -> Vec<(ActionId, Entry)> {
    entries.retain(|(action, _)| xxh3_64(action.as_bytes()) % 100 < u64::from(percent));
    entries.sort_by_key(|(action, entry)| (entry.time_ns, *action));
    entries
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::OutputId;

    fn entries(count: u32) -> Vec<(ActionId, Entry)> {
        let entry = |n: u32| {
            let mut id = [0; 32];
            id[..4].copy_from_slice(&n.to_le_bytes());
            let entry = Entry { output: OutputId::new(id), size_bytes: 1, time_ns: i64::from(count - n) };
            (ActionId::new(id), entry)
        };
        (0..count).map(entry).collect()
    }

    #[test]
    fn a_share_is_the_same_subset_each_time_and_a_smaller_one_is_within_a_larger() {
        let of = |percent| chosen(entries(10_000), percent);
        let (tenth, half) = (of(10), of(50));
        assert_eq!(tenth, of(10));
        assert!((900..1100).contains(&tenth.len()) && (4800..5200).contains(&half.len()), "{}", tenth.len());
        assert!(tenth.iter().all(|entry| half.contains(entry)));
        assert_eq!(of(100).len(), 10_000);
    }

    #[test]
    fn entries_go_out_in_the_order_in_which_they_were_put() {
        let times: Vec<i64> = chosen(entries(50), 100).iter().map(|(_, entry)| entry.time_ns).collect();
        assert!(times.is_sorted());
    }
}
