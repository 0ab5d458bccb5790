//! `--remote env`: the S3 of the `S3_` variables, below a fresh prefix of which every key is removed at the end.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use jiff::Timestamp;

use crate::plan::go_command::quoted;
use gocacheprog::cache::remote::s3_client::client::S3Client;
use gocacheprog::cache::remote::s3_client::error::S3Error;
use gocacheprog::cache::remote::s3_config::config::{S3Config, from_env};
use gocacheprog::cache::s3_clean;
use gocacheprog::note;

/// A prefix that no one else uses, in a bucket that answers.
#[derive(Debug)]
pub struct OwnPrefix {
    /// With the prefix of the whole run: the user's own, then `bench-<utc time>-<random>/`.
    run: S3Config,
    /// With the prefix of the current filling below that.
    current: S3Config,
    fillings: u32,
    /// True once something may be stored under it.
    used: bool,
}

impl OwnPrefix {
    /// Reads the variables and asks the server whether they are right.
    pub fn claim() -> Result<OwnPrefix> {
        let Some(config) =
            from_env(|name| std::env::var_os(name)).map_err(|error| anyhow::Error::msg(error.report()))?
        else {
            bail!(
                "`--remote env` needs an S3 endpoint, but S3_ENDPOINT is not set\n  next:  set S3_ENDPOINT, \
                 S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY and S3_BUCKET_NAME, or leave out `--remote env` to use the \
                 embedded server"
            );
        };
        check(&config)?;
        let own = own_prefix(Timestamp::now(), fastrand::u32(..));
        let prefix = OwnPrefix::below(config, &own);
        let run = &prefix.run;
        note::line(format_args!(
            "remote: {}, bucket {}, below {} until the end",
            run.endpoint_url, run.bucket, run.prefix
        ));
        Ok(prefix)
    }

    fn below(user: S3Config, own: &str) -> OwnPrefix {
        let run = S3Config { prefix: format!("{}{own}", user.prefix), ..user };
        let mut prefix = OwnPrefix { current: run.clone(), run, fillings: 0, used: false };
        prefix.next();
        prefix
    }

    /// The configuration under which the current filling is stored; asked for by who is about to do that.
    pub fn config(&mut self) -> &S3Config {
        self.used = true;
        &self.current
    }

    /// Goes on to a prefix under which nothing is stored yet.
    pub fn next(&mut self) {
        self.fillings += 1;
        self.current.prefix = format!("{}{}/", self.run.prefix, self.fillings);
    }

    /// Removes all that this run stored.
    pub fn remove(mut self) -> Result<()> {
        let removed = block_on(s3_clean::remove_all(&S3Client::connect(&self.run)))?;
        // From here on the error tells what is left.
        self.used = false;
        removed.map(drop).with_context(|| {
            format!("cannot remove what this run stored under {:?}\n  next:  {}", self.run.prefix, self.command())
        })
    }

    /// The command that lists the objects of this run and asks before it removes them.
    fn command(&self) -> String {
        let beside = std::env::current_exe().map(|bench| bench.with_file_name("s3-clean")).ok();
        let built = beside.filter(|program| program.is_file()).map(|program| quoted(&program.display().to_string()));
        let program = built.unwrap_or_else(|| "cargo run --bin s3-clean".to_owned());
        format!("S3_PREFIX={} {program}", quoted(&self.run.prefix))
    }
}

impl Drop for OwnPrefix {
    fn drop(&mut self) {
        if self.used {
            note::line(format_args!("what this run stored in the bucket is still there\n  next:  {}", self.command()));
        }
    }
}

/// `bench-<utc time>-<random>/`: two runs never share one.
fn own_prefix(now: Timestamp, random: u32) -> String {
    format!("bench-{}-{random:08x}/", now.strftime("%Y%m%dT%H%M%SZ"))
}

fn check(config: &S3Config) -> Result<()> {
    let client = S3Client::connect(config);
    let answer: Result<(), S3Error> = block_on(client.head_bucket())?;
    answer
        .map_err(|error| anyhow::anyhow!("{}, or leave out `--remote env` to use the embedded server", error.report()))
}

/// The client is asynchronous; bench itself has nothing to do meanwhile.
fn block_on<T>(future: impl Future<Output = T>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime of the S3 client")?;
    let result = runtime.block_on(future);
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gocacheprog::cache::remote::s3_config::config::Route;

    #[test]
    fn every_filling_has_a_prefix_of_its_own_below_the_users() {
        let user = S3Config {
            endpoint_url: "https://s3.example".to_owned(),
            access_key_id: "id".to_owned(),
            secret_access_key: "secret".to_owned(),
            session_token: None,
            bucket: "cache".to_owned(),
            region: "us-east-1".to_owned(),
            prefix: "team/".to_owned(),
            route: Route::default(),
        };
        let own = own_prefix(Timestamp::UNIX_EPOCH, 0xab);
        let mut prefix = OwnPrefix::below(user, &own);
        assert_eq!(prefix.config().prefix, "team/bench-19700101T000000Z-000000ab/1/");
        prefix.next();
        assert_eq!(prefix.config().prefix, "team/bench-19700101T000000Z-000000ab/2/");
        assert_eq!(prefix.run.prefix, "team/bench-19700101T000000Z-000000ab/");
    }
}
