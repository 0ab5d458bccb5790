//! The other end of the control protocol: what a parent of the server asks it.

use std::fmt;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;

use crate::s3_server::api::store::Place;
use crate::s3_server::control_protocol::{Answer, Command, Greeting};
use crate::s3_server::link::faults::Fault;
use crate::s3_server::link::shaping::LinkSettings;
use crate::s3_server::record::Record;
use crate::s3_server::server::Stats;

const WRONG_ANSWER: &str = "the embedded S3 server answered another command than it was given";

/// Asks a running server over its stdin and stdout.
pub struct ControlClient<Input, Output> {
    /// `None` once it has been ended.
    input: Option<Input>,
    output: Output,
    greeting: Greeting,
}

impl<Input: Write, Output: BufRead> ControlClient<Input, Output> {
    /// Waits for the greeting of a server that has just been started.
    ///
    /// # Errors
    /// When it ends before that, or says something else.
    pub fn connect(input: Input, mut output: Output) -> Result<Self> {
        let greeting = read_line(&mut output).context("the embedded S3 server did not start")?;
        Ok(Self { input: Some(input), output, greeting })
    }

    /// The server's addresses, certificate, keys and first bucket.
    pub fn greeting(&self) -> &Greeting {
        &self.greeting
    }

    /// Ends the server's input: it ends soon.
    pub fn end(&mut self) {
        drop(self.input.take());
    }

    /// Writes the certificate that https clients have to trust into a folder; returns the path of the file, for `SSL_CERT_FILE`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_certificate(&self, folder: &Path) -> Result<PathBuf> {
        let path = folder.join("ca.pem");
        let written = std::fs::write(&path, &self.greeting.certificate_pem);
        written
            .with_context(|| format!("cannot write the certificate of the embedded S3 server to {}", path.display()))?;
        Ok(path)
    }

    /// The number of requests so far: [`ControlClient::log_since`] takes it.
    ///
    /// # Errors
    /// Here and below: when the server has ended, or refuses.
    pub fn mark(&mut self) -> Result<u64> {
        let Answer::Mark { mark } = self.ask(&Command::Mark)? else { bail!(WRONG_ANSWER) };
        Ok(mark)
    }

    /// The finished requests among those received after `mark`, in order of arrival.
    pub fn log_since(&mut self, mark: u64) -> Result<Vec<Record>> {
        let Answer::Log { requests } = self.ask(&Command::Log { since: mark })? else { bail!(WRONG_ANSWER) };
        Ok(requests)
    }

    /// Totals of the whole server; objects and bytes are those of the place.
    pub fn stats(&mut self, place: Place) -> Result<Stats> {
        let Answer::Stats(stats) = self.ask(&Command::Stats { place })? else { bail!(WRONG_ANSWER) };
        Ok(stats)
    }

    /// Makes a bucket, if there is none of that name. The server's key may use each bucket.
    pub fn make_bucket(&mut self, name: &str) -> Result<()> {
        self.ask(&Command::Bucket { name: name.to_owned() }).map(drop)
    }

    /// Removes all objects of a bucket; returns how many.
    pub fn clear_bucket(&mut self, name: &str) -> Result<u64> {
        self.clear(Place::bucket(name))
    }

    /// The number of objects in a bucket, and of the bytes in them.
    pub fn objects_in(&mut self, name: &str) -> Result<(u64, u64)> {
        self.stats(Place::bucket(name)).map(|stats| (stats.objects, stats.bytes))
    }

    /// Copies all objects of one bucket to another; returns how many.
    pub fn copy_bucket(&mut self, from: &str, to: &str) -> Result<u64> {
        self.copy(Place::bucket(from), Place::bucket(to))
    }

    /// Removes all objects of a place; returns how many.
    pub fn clear(&mut self, place: Place) -> Result<u64> {
        let Answer::Cleared { deleted } = self.ask(&Command::Clear { place })? else { bail!(WRONG_ANSWER) };
        Ok(deleted)
    }

    /// Copies all objects of one place to the same names in another; returns how many.
    pub fn copy(&mut self, from: Place, to: Place) -> Result<u64> {
        let Answer::Copied { copied } = self.ask(&Command::Copy { from, to })? else { bail!(WRONG_ANSWER) };
        Ok(copied)
    }

    /// Changes the link for all requests and connections from now on, and starts a new count of its delays.
    pub fn set_link(&mut self, link: LinkSettings) -> Result<()> {
        let ms = |duration: std::time::Duration| duration.as_secs_f64() * 1000.0;
        let command = Command::Link {
            first_byte_ms: ms(link.first_byte),
            rtt_ms: ms(link.round_trip),
            jitter_ms: ms(link.jitter),
            bandwidth_bytes_per_s: link.bandwidth_bytes_per_s,
        };
        self.ask(&command).map(drop)
    }

    /// Replaces the injected faults for all requests from now on.
    pub fn set_faults(&mut self, faults: Vec<Fault>, seed: u64) -> Result<()> {
        self.ask(&Command::Faults { faults, seed }).map(drop)
    }

    fn ask(&mut self, command: &Command) -> Result<Answer> {
        let mut line = serde_json::to_string(command).context("cannot write a command as JSON")?;
        line.push('\n');
        let input = self.input.as_mut().context("the S3 server was ended")?;
        let sent = input.write_all(line.as_bytes()).and_then(|()| input.flush());
        sent.context("the embedded S3 server does not take commands any more")?;
        read_answer(&mut self.output).with_context(|| format!("the embedded S3 server did not do {}", line.trim_end()))
    }
}

impl<Input, Output> fmt::Debug for ControlClient<Input, Output> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ControlClient").finish_non_exhaustive()
    }
}

fn read_line<Line: DeserializeOwned>(output: &mut impl BufRead) -> Result<Line> {
    let mut line = String::new();
    if output.read_line(&mut line).context("cannot read its answer")? == 0 {
        bail!("it ended");
    }
    // The line is not repeated in the error: the first one holds the key pair.
    serde_json::from_str(&line).context("cannot understand its answer")
}

fn read_answer(output: &mut impl BufRead) -> Result<Answer> {
    match read_line(output)? {
        Answer::Error { error } => bail!("it said: {error}"),
        answer => Ok(answer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_as_the_server_takes_them() {
        let line = |command: &Command| serde_json::to_string(command).unwrap();
        assert_eq!(line(&Command::Mark), r#"{"cmd":"mark"}"#);
        assert_eq!(line(&Command::Log { since: 7 }), r#"{"cmd":"log","since":7}"#);
        let place = Place::bucket("b");
        assert_eq!(line(&Command::Clear { place }), r#"{"cmd":"clear","place":{"bucket":"b","prefix":""}}"#);
        let link = Command::Link { first_byte_ms: 20.0, rtt_ms: 1.0, jitter_ms: 0.5, bandwidth_bytes_per_s: None };
        let expected =
            r#"{"cmd":"link","first_byte_ms":20.0,"rtt_ms":1.0,"jitter_ms":0.5,"bandwidth_bytes_per_s":null}"#;
        assert_eq!(line(&link), expected);
    }

    #[test]
    fn an_answer_that_is_not_understood_never_shows_its_text() {
        for text in ["the-secret is not JSON\n", "{\"key\":\"the-secret\"}\n"] {
            let error = read_answer(&mut text.as_bytes()).map(drop).unwrap_err();
            assert!(!format!("{error:?}").contains("the-secret"));
            let error = ControlClient::connect(Vec::new(), text.as_bytes()).map(drop).unwrap_err();
            assert!(!format!("{error:?}").contains("the-secret"));
        }
        let error = read_answer(&mut "".as_bytes()).map(drop).unwrap_err();
        assert_eq!(error.to_string(), "it ended");
        let error = read_answer(&mut "{\"error\":\"no such link\"}\n".as_bytes()).map(drop).unwrap_err();
        assert_eq!(error.to_string(), "it said: no such link");
    }
}
