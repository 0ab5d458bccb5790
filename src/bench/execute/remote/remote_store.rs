//! The remote store of a run: the embedded S3 server, or a prefix of our own in the one of the `S3_` variables.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::execute::process::interrupt::Interrupt;
use crate::execute::remote::remote_env::OwnPrefix;
use crate::execute::remote::server::ServerProcess;
use crate::execute::remote::variables::{configure_embedded, variables};
use crate::plan::run_plan::Plan;
use crate::results::round::LinkMeasured;
use crate::results::round::ServerSeen;
use crate::scenario::link::Link;
use gocacheprog::cache::remote::s3_config::config::S3Config;
use gocacheprog::s3_server::{Fault, Operation, Record};

/// Prefix of what one round finds and stores, where there are cases.
const ROUND: &str = "round/";

/// Where the backend of this run stores remotely.
#[derive(Debug)]
pub enum Remote {
    Embedded(ServerProcess),
    Env(OwnPrefix),
}

impl Remote {
    /// Starts the embedded server, or makes sure that the one of the environment can be used.
    pub fn start(plan: &Plan, interrupt: &Interrupt) -> Result<Remote> {
        match plan.link {
            Some(link) => ServerProcess::start(link, interrupt).map(Remote::Embedded),
            None => OwnPrefix::claim().map(Remote::Env),
        }
    }

    /// Makes the remote store empty for the backend that is started next.
    pub fn make_empty(&mut self) -> Result<()> {
        match self {
            Remote::Embedded(server) => server.clear(),
            Remote::Env(prefix) => {
                prefix.next();
                Ok(())
            }
        }
    }

    /// True if stored objects can be copied for each round. In a real bucket that would take one request per object.
    pub fn keeps_seeds(&self) -> bool {
        matches!(self, Remote::Embedded(_))
    }

    /// Copies what was put below the prefix `seed` to where the backend works.
    pub fn copy_from(&mut self, seed: &str) -> Result<()> {
        match self {
            Remote::Embedded(server) => server.copy_from(seed),
            Remote::Env(_) => Ok(()),
        }
    }

    /// Makes an empty place beside the seeds for the backend that is started next.
    pub fn begin_round(&mut self) -> Result<()> {
        self.enter(ROUND);
        self.make_empty()
    }

    /// From now on the backend works below this prefix. A real bucket has no such places: each filling is beside the others.
    pub fn enter(&mut self, prefix: &str) {
        if let Remote::Embedded(server) = self {
            server.use_prefix(prefix);
        }
    }

    /// Sets the link of the embedded server; the one to a real bucket cannot be set.
    pub fn set_link(&mut self, link: Link) -> Result<()> {
        match self {
            Remote::Embedded(server) => server.set_link(link),
            Remote::Env(_) => Ok(()),
        }
    }

    /// Replaces the faults that the embedded server injects.
    pub fn set_faults(&mut self, faults: &[Fault]) -> Result<()> {
        match self {
            Remote::Embedded(server) => server.set_faults(faults),
            Remote::Env(_) => Ok(()),
        }
    }

    /// Tells the backend, through the environment, where the remote is: never by arguments, which everybody can read.
    pub fn configure(&mut self, command: &mut Command) {
        match self {
            Remote::Embedded(server) => configure_embedded(command, server.config()),
            Remote::Env(prefix) => drop(command.envs(variables(prefix.config()))),
        }
    }

    /// The configuration of a bucket for one backend alone, which is made where it is new.
    ///
    /// # Errors
    /// When the server does not answer, or the remote is a user's bucket.
    pub fn bucket(&mut self, name: &str) -> Result<S3Config> {
        let server = self.embedded()?;
        server.control().make_bucket(name)?;
        Ok(S3Config { bucket: name.to_owned(), prefix: String::new(), ..server.config().clone() })
    }

    /// Deletes all objects of a bucket.
    pub fn clear_bucket(&mut self, name: &str) -> Result<()> {
        self.embedded()?.control().clear_bucket(name).map(drop)
    }

    /// The number of objects in a bucket.
    pub fn objects_in(&mut self, name: &str) -> Result<u64> {
        self.embedded()?.control().objects_in(name).map(|(objects, _)| objects)
    }

    /// Host and port of the server, and the file in `folder` that its certificate is written to.
    pub fn address(&mut self, folder: &Path) -> Result<(String, PathBuf)> {
        let control = self.embedded()?.control();
        let certificate = control.write_certificate(folder)?;
        Ok((control.greeting().address.clone(), certificate))
    }

    fn embedded(&mut self) -> Result<&mut ServerProcess> {
        match self {
            Remote::Embedded(server) => Ok(server),
            Remote::Env(_) => bail!("another backend is run over the embedded S3 server only"),
        }
    }

    /// Number of the process of the embedded server.
    pub fn server_pid(&self) -> Option<u32> {
        match self {
            Remote::Embedded(server) => Some(server.pid()),
            Remote::Env(_) => None,
        }
    }

    /// The number of objects; None where only the owner of the bucket could tell at once.
    pub fn objects(&mut self) -> Result<Option<u64>> {
        match self {
            Remote::Embedded(server) => Ok(Some(server.stats()?.objects)),
            Remote::Env(_) => Ok(None),
        }
    }

    /// Objects and bytes that the backends of this round stored; None where only the owner of the bucket could tell at once.
    pub fn stored(&mut self) -> Result<Option<(u64, u64)>> {
        match self {
            Remote::Embedded(server) => server.stats().map(|stats| Some((stats.objects, stats.bytes))),
            Remote::Env(_) => Ok(None),
        }
    }

    /// A mark in the server's log, where there is one.
    pub fn mark(&mut self) -> Result<Option<u64>> {
        match self {
            Remote::Embedded(server) => server.control().mark().map(Some),
            Remote::Env(_) => Ok(None),
        }
    }

    /// Counts the requests that the server saw since the mark.
    pub fn seen_since(&mut self, mark: Option<u64>) -> Result<Option<ServerSeen>> {
        Ok(self.records_since(mark)?.as_deref().map(count))
    }

    /// The requests that the server saw since the mark; None where there is no mark, or no log for us.
    pub fn records_since(&mut self, mark: Option<u64>) -> Result<Option<Vec<Record>>> {
        match (self, mark) {
            (Remote::Embedded(server), Some(mark)) => server.control().log_since(mark).map(Some),
            _ => Ok(None),
        }
    }

    /// The delays that the embedded server injected so far.
    pub fn link_measured(&mut self) -> Result<Option<LinkMeasured>> {
        let Remote::Embedded(server) = self else {
            return Ok(None);
        };
        let injected = server.stats()?.injected_first_byte_ms;
        let values = injected.median.zip(injected.p99);
        Ok(values.map(|(median, p99)| LinkMeasured {
            answers: injected.count,
            first_byte_median_ms: median,
            first_byte_p99_ms: p99,
        }))
    }

    /// Removes what the run stored, where it outlives the run.
    pub fn finish(self) -> Result<()> {
        match self {
            Remote::Embedded(_) => Ok(()),
            Remote::Env(prefix) => prefix.remove(),
        }
    }
}

/// The numbers of these requests.
pub fn count(requests: &[Record]) -> ServerSeen {
    // A large object may be put in parts, and each of them is a PUT.
    let is = |request: &Record, op| request.op == op || op == Operation::Put && request.op == Operation::Part;
    let of = |op| requests.iter().filter(move |request| is(request, op));
    let done = |op| of(op).filter(|request| matches!(request.status, Some(200 | 206)));
    ServerSeen {
        requests: requests.len() as u64,
        gets: of(Operation::Get).count() as u64,
        puts: of(Operation::Put).count() as u64,
        lists: of(Operation::List).count() as u64,
        deletes: of(Operation::Delete).count() as u64,
        not_found: requests.iter().filter(|request| request.status == Some(404)).count() as u64,
        bytes_out: done(Operation::Get).map(|request| request.bytes_out).sum(),
        bytes_in: done(Operation::Put).map(|request| request.bytes_in).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_failures_do_not_count() {
        let request = |op, key: &str, status, bytes| Record {
            op,
            key: key.to_owned(),
            status: Some(status),
            bytes_in: if matches!(op, Operation::Put | Operation::Part) { bytes } else { 0 },
            bytes_out: if op == Operation::Get { bytes } else { 0 },
            ..Record::default()
        };
        let seen = count(&[
            request(Operation::Get, "x-a.json", 200, 50),
            request(Operation::Get, "x-d", 200, 700),
            request(Operation::Get, "y-a.json", 404, 9),
            request(Operation::Put, "z-d", 200, 30),
            request(Operation::Put, "z-d", 503, 30),
            request(Operation::Part, "z-d", 200, 8),
            request(Operation::Multipart, "z-d", 200, 0),
            request(Operation::Get, "x-d", 206, 5),
            request(Operation::List, "", 200, 0),
        ]);
        let counts = ServerSeen { requests: 9, gets: 4, puts: 3, lists: 1, not_found: 1, ..ServerSeen::default() };
        let expected = ServerSeen { bytes_out: 755, bytes_in: 38, ..counts };
        assert_eq!(seen, expected);
    }
}
