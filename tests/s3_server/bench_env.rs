//! `bench --remote env` with the real go: what others store stays, what the run stores goes, however it ends.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use gocacheprog::cache::remote::s3_client::client::S3Client;
use gocacheprog::cache::remote::s3_config::config::S3Config;
use serde_json::Value;

use super::{body_of, server};

const FOREIGN: [&str; 3] = ["bench-20200101T000000Z-00000000/1/x", "other", "team/kept"];
/// Tries, 20 ms apart, until something must have come.
const TRIES: u32 = 6000;

fn bench(folder: &Path, config: &S3Config, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench"));
    command.current_dir(folder).args(["--remote", "env"]).args(arguments);
    command
        .env("S3_ENDPOINT", &config.endpoint_url)
        .env("S3_ACCESS_KEY_ID", &config.access_key_id)
        .env("S3_SECRET_ACCESS_KEY", &config.secret_access_key)
        .env("S3_BUCKET_NAME", &config.bucket)
        .env("S3_PREFIX", "team/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

async fn store_foreign(client: &S3Client) {
    for key in FOREIGN {
        client.put_bytes(key, body_of(10)).await.unwrap();
    }
}

async fn keys(client: &S3Client) -> Vec<String> {
    let mut keys = Vec::new();
    client.list("", |page| keys.extend(page.into_iter().map(|object| object.key))).await.unwrap();
    keys
}

/// Whether the run in `folder` has measured a c, whose uploads are out then.
fn has_measured_cold(folder: &Path) -> bool {
    let text = std::fs::read(folder.join("metrics/latest/results.json")).unwrap_or_default();
    let results: Value = serde_json::from_slice(&text).unwrap_or_default();
    let rounds = results["rounds"].as_array();
    rounds.is_some_and(|rounds| rounds.iter().any(|round| round["state"] == "cold"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_removes_its_own_keys_and_no_others() {
    let (server, config) = server().await;
    let client = S3Client::connect(&config);
    store_foreign(&client).await;
    let folder = tempfile::tempdir().unwrap();
    let mut command = bench(folder.path(), &config, &["--scenario", "small", "--rounds", "1", "--no-profile"]);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(said.contains("below team/bench-") && !said.contains(&config.secret_access_key), "{said}");
    let stored = server.log_since(0).into_iter().filter(|request| request.key.starts_with("team/bench-"));
    assert!(stored.count() > 0, "the run stored nothing");
    assert_eq!(keys(&client).await, FOREIGN);
}

#[tokio::test(flavor = "multi_thread")]
async fn cases_are_filled_into_prefixes_of_their_own() {
    let (_server, config) = server().await;
    let client = S3Client::connect(&config);
    store_foreign(&client).await;
    let folder = tempfile::tempdir().unwrap();
    let text = "description = \"x\"\nstates = [\"b\"]\n[workload]\npackages = \"./...\"\ngenerated_packages = 4\n\
                [rounds]\nshort = 2\nprofile = false\n[[cases]]\nname = \"pack\"\nstrategy = \"pack\"\n\
                [[cases]]\nname = \"half\"\nremote_share = 50\n";
    std::fs::write(folder.path().join("mine.toml"), text).unwrap();
    let mut command = bench(folder.path(), &config, &["--scenario", "mine.toml"]);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let results = std::fs::read(folder.path().join("metrics/latest/results.json")).unwrap();
    let results: Value = serde_json::from_slice(&results).unwrap();
    for round in results["rounds"].as_array().unwrap() {
        assert_eq!(round["state_ok"], true, "{round:#}");
    }
    assert_eq!(keys(&client).await, FOREIGN);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_build_leaves_no_keys_either() {
    let (_server, config) = server().await;
    let client = S3Client::connect(&config);
    store_foreign(&client).await;
    let folder = tempfile::tempdir().unwrap();
    let child = bench(folder.path(), &config, &["--scenario", "small", "--rounds", "500"]).spawn().unwrap();
    for attempt in 0.. {
        if has_measured_cold(folder.path()) {
            break;
        }
        assert!(attempt < TRIES, "cold was not measured after two minutes of waiting");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(keys(&client).await.len() > FOREIGN.len(), "the run stored nothing");
    std::fs::write(folder.path().join("metrics/latest/work/src/module/p00/p.go"), "no go at all").unwrap();
    let output = tokio::task::spawn_blocking(move || child.wait_with_output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("go said:") && said.contains("p.go"), "{said}");
    assert_eq!(keys(&client).await, FOREIGN);
}
