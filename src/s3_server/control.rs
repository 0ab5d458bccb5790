//! The server as a child process that speaks the control protocol: commands on stdin, answers on stdout.

use std::io::{self, BufRead, Write};
use std::sync::Arc;

use anyhow::Context;
use serde::Serialize;

use crate::s3_server::access::credentials::Credentials;
use crate::s3_server::access::tls::Certificate;
use crate::s3_server::api::store::{NoBucket, Place};
use crate::s3_server::arguments::LinkArgs;
use crate::s3_server::control_protocol::{Answer, Command, Greeting};
use crate::s3_server::link::shaping::LinkSettings;
use crate::s3_server::server::{Server, ServerOptions};

/// `bench s3-serve`: what `bench` starts as its remote.
#[derive(Debug, clap::Args)]
pub struct ServeArgs {
    /// Name of the bucket
    #[arg(long, default_value = "cache")]
    bucket: String,
    #[command(flatten)]
    link: LinkArgs,
}

/// Serves until stdin ends, so that no orphan stays behind a parent that has died.
///
/// # Errors
/// When the server cannot be started, or stdin or stdout break.
pub fn serve_child(args: ServeArgs) -> anyhow::Result<()> {
    let credentials = Credentials::random()?;
    let link = args.link.settings()?;
    let certificate = Certificate::make()?;
    let tls = Some(Arc::clone(&certificate.server));
    let options = ServerOptions { link, tls, ..ServerOptions::plain(&args.bucket, credentials.clone()) };
    let runtime = tokio::runtime::Runtime::new().context("cannot start the server's threads")?;
    let server = runtime.block_on(Server::start(options));
    let server = server.context("cannot listen on 127.0.0.1 for the embedded S3 server")?;
    let greeting = Greeting {
        address: server.address().to_string(),
        certificate_pem: certificate.pem().to_owned(),
        access_key_id: credentials.access_key_id,
        secret_access_key: credentials.secret_access_key,
        bucket: args.bucket,
    };
    converse(&server, &greeting, io::stdin().lock(), io::stdout().lock())
        .context("the embedded S3 server lost the pipe to its parent")?;
    drop(server);
    runtime.shutdown_background();
    Ok(())
}

fn converse(server: &Server, greeting: &Greeting, commands: impl BufRead, mut answers: impl Write) -> io::Result<()> {
    say(&mut answers, greeting)?;
    for line in commands.lines() {
        say(&mut answers, &answer(server, &line?))?;
    }
    Ok(())
}

fn say(answers: &mut impl Write, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *answers, line)?;
    answers.write_all(b"\n")?;
    answers.flush()
}

fn answer(server: &Server, line: &str) -> Answer {
    match serde_json::from_str(line) {
        Ok(command) => obey(server, command),
        Err(error) => Answer::Error { error: format!("not a command of the embedded S3 server: {error}") },
    }
}

fn obey(server: &Server, command: Command) -> Answer {
    match command {
        Command::Link { first_byte_ms, rtt_ms, jitter_ms, bandwidth_bytes_per_s } => {
            let settings = LinkSettings::from_values(first_byte_ms, rtt_ms, jitter_ms, bandwidth_bytes_per_s);
            done(settings.map(|settings| server.set_link(settings)))
        }
        Command::Faults { faults, seed } => {
            server.set_faults(faults, seed);
            done(Ok(()))
        }
        Command::Mark => Answer::Mark { mark: server.mark() },
        Command::Log { since } => Answer::Log { requests: server.log_since(since) },
        Command::Bucket { name } => done(server.make_bucket(&name)),
        Command::Stats { place } => server.stats_of(&place).map_or_else(|NoBucket| no_bucket(&[&place]), Answer::Stats),
        Command::Clear { place } => match server.clear_place(&place) {
            Ok(deleted) => Answer::Cleared { deleted },
            Err(NoBucket) => no_bucket(&[&place]),
        },
        Command::Copy { from, to } => match server.copy(&from, &to) {
            Ok(copied) => Answer::Copied { copied },
            Err(NoBucket) => no_bucket(&[&from, &to]),
        },
    }
}

fn done(result: Result<(), String>) -> Answer {
    result.map_or_else(|error| Answer::Error { error }, |()| Answer::Ok { ok: true })
}

fn no_bucket(places: &[&Place]) -> Answer {
    let names: Vec<String> = places.iter().map(|place| format!("`{}`", place.bucket)).collect();
    Answer::Error { error: format!("{NoBucket}: {}", names.join(" or ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn conversation(commands: &str) -> Vec<serde_json::Value> {
        let credentials = Credentials::random().unwrap();
        let server = Server::start(ServerOptions::plain("cache", credentials.clone())).await.unwrap();
        let greeting = Greeting {
            address: server.address().to_string(),
            certificate_pem: String::new(),
            access_key_id: credentials.access_key_id,
            secret_access_key: credentials.secret_access_key,
            bucket: "cache".to_owned(),
        };
        let mut answers = Vec::new();
        converse(&server, &greeting, commands.as_bytes(), &mut answers).unwrap();
        let lines = std::str::from_utf8(&answers).unwrap().lines();
        lines.map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[tokio::test]
    async fn every_command_has_its_answer_and_nonsense_an_error() {
        let commands = [
            r#"{"cmd":"link","first_byte_ms":20.0,"rtt_ms":1,"jitter_ms":0.5,"bandwidth_bytes_per_s":null}"#,
            r#"{"cmd":"link","first_byte_ms":1,"rtt_ms":2,"jitter_ms":0,"bandwidth_bytes_per_s":null}"#,
            r#"{"cmd":"mark"}"#,
            r#"{"cmd":"log","since":0}"#,
            r#"{"cmd":"stats","place":{"bucket":"cache","prefix":""}}"#,
            r#"{"cmd":"clear","place":{"bucket":"cache","prefix":""}}"#,
            r#"{"cmd":"bucket","name":"other"}"#,
            r#"{"cmd":"copy","from":{"bucket":"cache","prefix":"a/"},"to":{"bucket":"other","prefix":"b/"}}"#,
            r#"{"cmd":"dance"}"#,
            r#"{"cmd":"clear","place":{"bucket":"none","prefix":""}}"#,
            r#"{"cmd":"copy","from":{"bucket":"cache","prefix":""},"to":{"bucket":"none","prefix":""}}"#,
            r#"{"cmd":"bucket","name":"No_Name"}"#,
        ];
        let answers = conversation(&commands.join("\n")).await;
        assert_eq!(answers.len(), commands.len() + 1);
        assert!(answers[0]["address"].as_str().unwrap().starts_with("127.0.0.1:"));
        assert_eq!(answers[0]["bucket"], "cache");
        assert_eq!(answers[1]["ok"], true);
        assert!(answers[2]["error"].is_string());
        assert_eq!(answers[3]["mark"], 0);
        assert_eq!(answers[4]["requests"].as_array().unwrap().len(), 0);
        assert_eq!(answers[5]["injected_first_byte_ms"]["count"], 0);
        assert!(answers[5]["injected_first_byte_ms"]["median"].is_null());
        assert_eq!(answers[6]["deleted"], 0);
        assert_eq!(answers[7]["ok"], true);
        assert_eq!(answers[8]["copied"], 0);
        assert!(answers[9]["error"].is_string());
        assert_eq!(answers[10]["error"], "there is no bucket of that name: `none`");
        assert_eq!(answers[11]["error"], "there is no bucket of that name: `cache` or `none`");
        assert!(answers[12]["error"].as_str().unwrap().starts_with("`No_Name` cannot be the name of a bucket"));
    }
}
