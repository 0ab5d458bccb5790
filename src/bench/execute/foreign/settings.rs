//! The command and the variables of a backend that is not ours, with the values of a round.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::execute::backend::command::quoted;
use crate::scenario::backends::foreign::Foreign;
use crate::scenario::backends::placeholders::filled;
use gocacheprog::cache::remote::s3_config::config::S3Config;

/// The values of the placeholders.
#[derive(Debug)]
pub struct Values<'a> {
    pub local: PathBuf,
    pub work: &'a Path,
    /// None for a backend over disk only.
    pub s3: Option<&'a S3Config>,
    /// Host and port of the S3 server.
    pub host: &'a str,
    /// The file with its certificate.
    pub certificate: &'a Path,
}

impl Values<'_> {
    fn of(&self, placeholder: &str) -> String {
        let s3 = |pick: &dyn Fn(&S3Config) -> String| self.s3.map_or(String::new(), pick);
        match placeholder {
            "{local}" => self.local.display().to_string(),
            "{work}" => self.work.display().to_string(),
            "{s3.url}" => s3(&|config| config.endpoint_url.clone()),
            "{s3.host}" => self.host.to_owned(),
            "{s3.bucket}" => s3(&|config| config.bucket.clone()),
            "{s3.region}" => s3(&|config| config.region.clone()),
            "{s3.key}" => s3(&|config| config.access_key_id.clone()),
            "{s3.secret}" => s3(&|config| config.secret_access_key.clone()),
            "{s3.token}" => s3(&|config| config.session_token.clone().unwrap_or_default()),
            "{s3.certificate}" => self.certificate.display().to_string(),
            other => other.to_owned(),
        }
    }

    /// The words of GOCACHEPROG.
    ///
    /// # Errors
    /// When a word has both kinds of quotes, which GOCACHEPROG cannot hold.
    pub fn command(&self, foreign: &Foreign) -> Result<String> {
        let arguments = foreign.command.iter().skip(1).map(|word| filled(word, |name| self.of(name)));
        let words = foreign.command.first().cloned().into_iter().chain(arguments);
        Ok(words.map(|word| quoted(Path::new(&word))).collect::<Result<Vec<String>>>()?.join(" "))
    }

    /// The variables that it gets. The certificate is named in any case: Go's TLS library reads it on Linux, and that of macOS
    /// from Go 1.27 on.
    pub fn variables(&self, foreign: &Foreign) -> Vec<(String, String)> {
        let mut variables = vec![("SSL_CERT_FILE".to_owned(), self.certificate.display().to_string())];
        match &foreign.env {
            Some(env) => {
                variables.extend(env.iter().map(|(name, value)| (name.clone(), filled(value, |name| self.of(name)))));
            }
            None => variables.extend(self.usual()),
        }
        variables
    }

    /// The variables of the workshop, and those of the AWS SDKs.
    fn usual(&self) -> Vec<(String, String)> {
        let Some(config) = self.s3 else { return Vec::new() };
        let token = config.session_token.as_deref().unwrap_or_default();
        [
            ("S3_ENDPOINT", self.host),
            ("S3_ACCESS_KEY_ID", &config.access_key_id),
            ("S3_SECRET_ACCESS_KEY", &config.secret_access_key),
            ("S3_SESSION_TOKEN", token),
            ("S3_BUCKET_NAME", &config.bucket),
            ("AWS_ENDPOINT_URL", &config.endpoint_url),
            ("AWS_ENDPOINT_URL_S3", &config.endpoint_url),
            ("AWS_ACCESS_KEY_ID", &config.access_key_id),
            ("AWS_SECRET_ACCESS_KEY", &config.secret_access_key),
            ("AWS_SESSION_TOKEN", token),
            ("AWS_REGION", &config.region),
            ("AWS_DEFAULT_REGION", &config.region),
        ]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use gocacheprog::cache::remote::s3_config::config::Route;

    fn config() -> S3Config {
        S3Config {
            endpoint_url: "http://127.0.0.1:1".to_owned(),
            access_key_id: "key".to_owned(),
            secret_access_key: "secret".to_owned(),
            session_token: None,
            bucket: "mine".to_owned(),
            region: "us-east-1".to_owned(),
            prefix: String::new(),
            route: Route::default(),
        }
    }

    fn values(s3: Option<&S3Config>) -> Values<'_> {
        let local = PathBuf::from("/w/a b");
        Values { local, work: Path::new("/w"), s3, host: "127.0.0.1:1", certificate: Path::new("/w/c.pem") }
    }

    #[test]
    fn placeholders_of_command_and_variables_are_filled() {
        let config = config();
        let mut foreign = Foreign::plain(vec!["/bin/x".to_owned(), "-d={local}".to_owned()]);
        assert_eq!(values(Some(&config)).command(&foreign).unwrap(), "'/bin/x' '-d=/w/a b'");
        foreign.env = Some(BTreeMap::from([("URL".to_owned(), "minio+{s3.url}/{s3.bucket}{s3.token}".to_owned())]));
        let expected = [("SSL_CERT_FILE", "/w/c.pem"), ("URL", "minio+http://127.0.0.1:1/mine")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(values(Some(&config)).variables(&foreign), expected);
    }

    #[test]
    fn without_a_file_there_are_the_variables_of_the_workshop_and_of_aws() {
        let config = config();
        let foreign = Foreign::plain(vec!["/bin/x".to_owned()]);
        let variables: BTreeMap<String, String> = values(Some(&config)).variables(&foreign).into_iter().collect();
        assert_eq!(variables["S3_ENDPOINT"], "127.0.0.1:1");
        assert_eq!(variables["AWS_ENDPOINT_URL"], "http://127.0.0.1:1");
        assert!(!variables.contains_key("S3_SESSION_TOKEN"));
        assert_eq!(values(None).variables(&foreign).len(), 1);
    }
}
