//! The environment variables that tell a backend where its remote is, and those of the user that would lead it elsewhere.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::process::Command;

use crate::plan::run_plan::Plan;
use gocacheprog::cache::remote::s3_config::config::S3Config;

/// Variables that name a proxy, in capitals or not, and hosts that are reached without one.
const PROXIES: [&str; 4] = ["ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"];

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

#[cfg(test)]
mod tests {
    use super::*;
    use gocacheprog::cache::remote::s3_config::addressing::Addressing;
    use gocacheprog::cache::remote::s3_config::config::{Route, from_env};

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
}
