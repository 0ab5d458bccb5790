//! `bench s3`: the embedded server by itself, for a workshop without a cloud account.

use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use indicatif::DecimalBytes;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::note;
use crate::s3_server::access::credentials::{Credentials, random_hex};
use crate::s3_server::access::keys::Grant;
use crate::s3_server::access::tls::{Certificate, CertificateFile};
use crate::s3_server::arguments::LinkArgs;
use crate::s3_server::link::faults::{Fault, FaultKind};
use crate::s3_server::log::Totals;
use crate::s3_server::server::{Server, ServerOptions};

/// Runs the embedded S3 server until Ctrl-C, and prints the variables to export
#[derive(Debug, clap::Args)]
pub struct AloneArgs {
    /// The port on 127.0.0.1; 0 takes any free one
    #[arg(long, default_value_t = 9000)]
    port: u16,
    /// The bucket that is there from the start
    #[arg(long, default_value = "cache")]
    bucket: String,
    /// Print the variables for https, which the same port serves (the workshop's Go program needs that)
    #[arg(long)]
    tls: bool,
    /// Rights of the printed key below a prefix: get, put, list, delete, such as `get,put:ci/`; may be given several times
    /// [default: all]
    #[arg(long = "rights", value_name = "RIGHTS[:PREFIX]")]
    grants: Vec<Grant>,
    #[command(flatten)]
    link: LinkArgs,
    #[arg(long = "fault", value_name = "FAULT[:PERCENT]", help = fault_help())]
    faults: Vec<Fault>,
    /// Seed of the draw of the requests that fail
    #[arg(long, value_name = "N", default_value_t = 0, requires = "faults")]
    fault_seed: u64,
}

fn fault_help() -> String {
    let names = FaultKind::names();
    format!("Let a percentage of the requests fail, such as slow-down:5; may be given several times: {names}")
}

/// Serves until Ctrl-C (or a SIGTERM, or the end of the terminal).
///
/// # Errors
/// When the port is taken, or the certificate cannot be written.
pub fn serve_alone(args: AloneArgs) -> anyhow::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP, SIGQUIT]).context("cannot watch for Ctrl-C")?;
    let credentials = Credentials::random()?;
    let certificate = Certificate::make()?;
    let file = match certificate.save() {
        Err(error) if args.tls => return Err(error),
        // Without its file there is still http.
        saved => saved.ok(),
    };
    let fails = if args.faults.is_empty() { "" } else { " Requests FAIL ON PURPOSE as --fault says." };
    let grants = if args.grants.is_empty() { None } else { Some(args.grants) };
    let options = ServerOptions {
        port: args.port,
        bucket: args.bucket.clone(),
        credentials: credentials.clone(),
        grants,
        link: args.link.settings()?,
        faults: (args.faults, args.fault_seed),
        tls: Some(Arc::clone(&certificate.server)),
        keep_log: false,
    };
    let runtime = tokio::runtime::Runtime::new().context("cannot start the server's threads")?;
    let server = runtime.block_on(Server::start(options));
    let server = server.map_err(|error| cannot_listen(args.port, &error))?;
    let path = file.as_ref().map(CertificateFile::path);
    let exports = exports(&server, &credentials, &args.bucket, path.as_deref().filter(|_| args.tls))?;
    let mut stdout = io::stdout().lock();
    let printed = stdout.write_all(exports.as_bytes()).and_then(|()| stdout.flush());
    printed.context("cannot print the variables to export on stdout")?;
    let (address, bucket) = (server.address(), &args.bucket);
    let scheme = if args.tls { "https" } else { "http" };
    note::line(format_args!(
        "S3 server on {scheme}://{address}, bucket \"{bucket}\", in memory only. Paste the lines above into another \
         terminal; Ctrl-C ends it.{fails}"
    ));
    if let Some(path) = path {
        note::line(other_scheme(args.tls, address, &path));
    }
    signals.forever().next();
    note::line(in_words(&server.totals()));
    Ok(())
}

/// How to use the scheme that the printed variables do not name.
fn other_scheme(is_tls: bool, address: SocketAddr, certificate: &Path) -> String {
    if is_tls {
        return format!("The same port serves http: S3_ENDPOINT=http://{address}, without SSL_CERT_FILE.");
    }
    let file = certificate.display();
    format!(
        "The same port serves https: S3_ENDPOINT=https://{address} SSL_CERT_FILE={file} (on macOS, programs built with go before 1.27 ignore it)."
    )
}

/// The requests by kind, the bytes and the injected faults in one line.
fn in_words(totals: &Totals) -> String {
    let kinds: Vec<String> =
        totals.requests.iter().map(|(kind, count)| format!("{count} {kind:?}").to_lowercase()).collect();
    let kinds = if kinds.is_empty() { "no requests".to_owned() } else { format!("requests: {}", kinds.join(", ")) };
    let (bytes_in, bytes_out) = (DecimalBytes(totals.bytes_in), DecimalBytes(totals.bytes_out));
    format!("Served {kinds}; {bytes_in} in, {bytes_out} out; {} injected faults.", totals.faults)
}

fn cannot_listen(port: u16, error: &io::Error) -> anyhow::Error {
    if error.kind() == ErrorKind::AddrInUse {
        return anyhow!(
            "port {port} on 127.0.0.1 is in use\n  tried: to serve S3 there\n  next:  end what uses \
             it, or choose another with `--port` (0 takes any free one)"
        );
    }
    anyhow!(
        "cannot listen on 127.0.0.1:{port}: {error}\n  tried: to serve S3 there\n  next:  choose \
         another port with `--port` (0 takes any free one)"
    )
}

/// The variables of the workshop, as lines for a POSIX shell.
fn exports(
    server: &Server,
    credentials: &Credentials,
    bucket: &str,
    certificate: Option<&Path>,
) -> anyhow::Result<String> {
    // Without a scheme it means https, which is the only form that the workshop's program takes.
    let endpoint = match certificate {
        Some(_) => server.address().to_string(),
        None => server.endpoint(),
    };
    // Nothing checks the token, but the workshop's program works locally only without one.
    let token = random_hex::<16>()?;
    let file = certificate.map(|path| path.display().to_string());
    let variables = [
        ("S3_ENDPOINT", Some(endpoint.as_str())),
        ("S3_ACCESS_KEY_ID", Some(&credentials.access_key_id)),
        ("S3_SECRET_ACCESS_KEY", Some(&credentials.secret_access_key)),
        ("S3_SESSION_TOKEN", Some(&token)),
        ("S3_BUCKET_NAME", Some(bucket)),
        ("SSL_CERT_FILE", file.as_deref()),
        // The workshop's steps look for `.cache` and `metrics` where they are.
        ("CACHEPROG_HERE", Some("1")),
    ];
    let lines = variables.iter().filter_map(|(name, value)| {
        let quoted = (*value)?.replace('\'', r"'\''");
        Some(format!("export {name}='{quoted}'\n"))
    });
    Ok(lines.collect())
}
