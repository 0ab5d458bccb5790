//! The remote store of a run: the embedded S3 server, or a prefix of our own in the one of the `S3_` variables.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::process::Command;

use anyhow::Result;

use crate::bench::execute::process::interrupt::Interrupt;
use crate::bench::execute::remote::remote_env::OwnPrefix;
use crate::bench::execute::remote::server::{Request, Server};
use crate::bench::plan::run_plan::Plan;
use crate::bench::results::round::LinkMeasured;
use crate::bench::results::round::ServerSeen;
use crate::bench::scenario::link::Link;
use crate::cache::remote::s3_config::config::S3Config;
use crate::s3_server::Fault;

/// Prefix of what one round finds and stores, where there are cases.
const ROUND: &str = "round/";

/// Variables that name a proxy, in capitals or not, and hosts that are reached without one.
const PROXIES: [&str; 4] = ["ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"];

/// Where the backend of this run stores remotely.
#[derive(Debug)]
pub enum Remote {
    Embedded(Server),
    Env(OwnPrefix),
}

impl Remote {
    /// Starts the embedded server, or makes sure that the one of the environment can be used.
    pub fn start(plan: &Plan, interrupt: &Interrupt) -> Result<Remote> {
        match plan.link {
            Some(link) => Server::start(link, interrupt).map(Remote::Embedded),
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

    /// True if what was put once can be copied for each round: a real bucket would take a request an object.
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

    /// Sets the link of the embedded server; the one to a real bucket is as it is.
    pub fn set_link(&mut self, link: Link) -> Result<()> {
        match self {
            Remote::Embedded(server) => server.set_link(link),
            Remote::Env(_) => Ok(()),
        }
    }

    /// What goes wrong with requests to the embedded server from now on.
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
            Remote::Embedded(server) => server.mark().map(Some),
            Remote::Env(_) => Ok(None),
        }
    }

    /// Counts the requests that the server saw since the mark.
    pub fn seen_since(&mut self, mark: Option<u64>) -> Result<Option<ServerSeen>> {
        match (self, mark) {
            (Remote::Embedded(server), Some(mark)) => Ok(Some(count(&server.log_since(mark)?))),
            _ => Ok(None),
        }
    }

    /// The delays that the embedded server injected so far.
    pub fn link_measured(&mut self) -> Result<Option<LinkMeasured>> {
        let Remote::Embedded(server) = self else {
            return Ok(None);
        };
        let Some(injected) = server.stats()?.injected_first_byte_ms else {
            return Ok(None);
        };
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

/// Tells a backend where the embedded server is, and takes out what would lead it elsewhere.
pub fn configure_embedded(command: &mut Command, config: &S3Config) {
    isolate(command);
    command.envs(variables(config));
}

/// Takes out what would lead a backend to another remote than the embedded one.
pub fn isolate(command: &mut Command) {
    remove_variables(command, std::env::vars_os().map(|(name, _)| name));
}

/// Names of the variables of the user that the rounds do not get, because the remote is the embedded one.
pub fn left_out(plan: &Plan) -> Vec<String> {
    if plan.link.is_none() {
        return Vec::new();
    }
    let set = std::env::vars_os().filter(|(_, value)| !value.is_empty());
    let names = set.map(|(name, _)| name.to_string_lossy().into_owned()).filter(|name| leads_elsewhere(name));
    names.collect::<BTreeSet<String>>().into_iter().collect()
}

/// `inherited`: the names of the variables that the command would get.
fn remove_variables(command: &mut Command, inherited: impl Iterator<Item = OsString>) {
    for name in inherited.filter(|name| leads_elsewhere(&name.to_string_lossy())) {
        command.env_remove(name);
    }
}

/// True if a variable names another server, a proxy or certificates to trust: those of the user are for another remote.
fn leads_elsewhere(name: &str) -> bool {
    let is_proxy = PROXIES.contains(&name.to_ascii_uppercase().as_str());
    is_proxy || name.starts_with("AWS_") || name.starts_with("S3_") || name.starts_with("SSL_CERT_")
}

/// The variables that tell a backend where the remote is.
pub fn variables(config: &S3Config) -> Vec<(&'static str, &str)> {
    let mut variables = vec![
        ("S3_ENDPOINT", config.endpoint_url.as_str()),
        ("S3_ACCESS_KEY_ID", &config.access_key_id),
        ("S3_SECRET_ACCESS_KEY", &config.secret_access_key),
        ("S3_BUCKET_NAME", &config.bucket),
        ("S3_REGION", &config.region),
        ("S3_PREFIX", &config.prefix),
        ("S3_ADDRESSING", config.route.addressing.as_str()),
    ];
    if let Some(token) = &config.session_token {
        variables.push(("S3_SESSION_TOKEN", token));
    }
    variables
}

fn count(requests: &[Request]) -> ServerSeen {
    let of = |op: &'static str| requests.iter().filter(move |request| request.op == op);
    let done = |op| of(op).filter(|request| request.status == Some(200));
    ServerSeen {
        requests: requests.len() as u64,
        gets: of("get").count() as u64,
        puts: of("put").count() as u64,
        lists: of("list").count() as u64,
        deletes: of("delete").count() as u64,
        not_found: requests.iter().filter(|request| request.status == Some(404)).count() as u64,
        bytes_out: done("get").map(|request| request.bytes_out).sum(),
        bytes_in: done("put").map(|request| request.bytes_in).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::remote::s3_config::addressing::Addressing;
    use crate::cache::remote::s3_config::config::{Route, from_env};

    #[test]
    fn the_variables_say_what_the_configuration_says() {
        let config = S3Config {
            endpoint_url: "https://s3.example".to_owned(),
            access_key_id: "id".to_owned(),
            secret_access_key: "secret".to_owned(),
            session_token: Some("token".to_owned()),
            bucket: "cache".to_owned(),
            region: "eu-1".to_owned(),
            prefix: "bench-1/1/".to_owned(),
            route: Route { addressing: Addressing::Virtual, proxy: None },
        };
        let variables = variables(&config);
        let get = |name: &str| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).into())
        };
        assert_eq!(from_env(get).unwrap().unwrap(), config);
    }

    #[test]
    fn what_is_for_the_users_own_remote_is_taken_out() {
        let inherited = [
            "HTTP_PROXY",
            "https_proxy",
            "ALL_PROXY",
            "No_Proxy",
            "AWS_PROFILE",
            "AWS_CA_BUNDLE",
            "SSL_CERT_FILE",
            "SSL_CERT_DIR",
            "S3_SESSION_TOKEN",
            "S3_ADDRESSING",
        ];
        let kept = ["PATH", "HOME", "GOPROXY", "MY_APP_PROXY", "REQUEST_METHOD", "SSLKEYLOGFILE", "MY_AWS_"];
        let mut command = Command::new("backend");
        remove_variables(&mut command, inherited.iter().chain(&kept).map(OsString::from));
        let removed: Vec<_> = command.get_envs().filter(|(_, value)| value.is_none()).map(|(name, _)| name).collect();
        assert_eq!(removed.len(), inherited.len());
        assert!(inherited.iter().all(|name| removed.contains(&name.as_ref())), "{removed:?}");
    }

    #[test]
    fn bytes_of_failures_do_not_count() {
        let request = |op: &str, key: &str, status, bytes| Request {
            op: op.to_owned(),
            key: key.to_owned(),
            status: Some(status),
            bytes_in: if op == "put" { bytes } else { 0 },
            bytes_out: if op == "get" { bytes } else { 0 },
        };
        let seen = count(&[
            request("get", "x-a.json", 200, 50),
            request("get", "x-d", 200, 700),
            request("get", "y-a.json", 404, 9),
            request("put", "z-d", 200, 30),
            request("put", "z-d", 503, 30),
            request("list", "", 200, 0),
        ]);
        let counts = ServerSeen { requests: 6, gets: 3, puts: 2, lists: 1, not_found: 1, ..ServerSeen::default() };
        let expected = ServerSeen { bytes_out: 750, bytes_in: 30, ..counts };
        assert_eq!(seen, expected);
    }
}
