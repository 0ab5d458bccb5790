//! Reads the records of a round: compares them with each other, with the S3 server's log and with go's numbering, and reduces
//! them to plain data.

use std::path::Path;

use crate::results::round::ServerSeen;
use crate::results::round::{Round, SpanSum};
use crate::results::time_breakdown::{BuildTimes, TimeBreakdown};
use gocacheprog::platform::Cpus;
use gocacheprog::telemetry::profile::pprof_file;
use gocacheprog::telemetry::{Agreement, LoggedSession, SessionSummary, check_agreement, read_request_log};

/// Compares all records of one session.
pub fn check(folder: &Path, session: &SessionSummary, server: Option<ServerSeen>) -> Agreement {
    let mut agreement = check_agreement(folder);
    let requests = agreement.requests;
    // go numbers its requests from 1.
    let missing = agreement.highest_id.filter(|highest| u64::try_from(*highest) != Ok(requests));
    agreement
        .disagreements
        .extend(missing.map(|highest| format!("requests: {highest} by go's numbers, {requests} here")));
    // A request that failed may have reached the server or not.
    if let Some(server) = server.filter(|_| session.remote_errors == 0 && session.uploads_left == 0) {
        agreement.with_server = true;
        agreement.disagreements.extend(compare(session, &server));
    }
    agreement
}

/// The wall-time breakdown of a round by `request.txt` in its folder; None without it. `workers` are those of its go.
pub fn time_breakdown(folder: &Path, round: &Round, session: &SessionSummary, workers: usize) -> Option<TimeBreakdown> {
    Some(TimeBreakdown::of(times(round, session, workers), &request_log(folder)?))
}

/// The request log in a folder; None where there is none, or it is not of the format.
pub fn request_log(folder: &Path) -> Option<LoggedSession> {
    read_request_log(&std::fs::read_to_string(folder.join("request.txt")).ok()?).ok()
}

/// The times of a round on go's own axis.
pub fn times(round: &Round, session: &SessionSummary, workers: usize) -> BuildTimes {
    round.times(session, workers, Cpus::here().cores())
}

/// The sums of the wall-clock profile in a folder; none without it.
pub fn spans(folder: &Path) -> Vec<SpanSum> {
    let Ok(profile) = pprof_file::read(&folder.join("pprof/fg.prof")) else { return Vec::new() };
    let sum = |(path, values): &(Vec<&str>, &[i64])| {
        let [count, wall_ns, busy_ns, ..] = **values else { return None };
        let [count, wall_ns, busy_ns] = [count, wall_ns, busy_ns].map(|value| u64::try_from(value).unwrap_or(0));
        Some(SpanSum { path: path.join(";"), count, wall_ns, busy_ns })
    };
    pprof_file::stacks(&profile).iter().filter_map(sum).collect()
}

fn compare(session: &SessionSummary, server: &ServerSeen) -> Vec<String> {
    let pairs = [
        ("S3 requests", session.remote_requests, server.requests),
        ("bytes from S3", session.bytes_down, server.bytes_out),
        ("bytes to S3", session.bytes_up, server.bytes_in),
    ];
    let differ = pairs.iter().filter(|(_, here, there)| here != there);
    differ.map(|(what, here, there)| format!("{what}: {here} in session.json, {there} in the server's log")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::backend::session::tests::quiet;

    #[test]
    fn the_servers_log_has_to_say_the_same_unless_requests_failed() {
        let mut session = quiet();
        (session.remote_requests, session.bytes_down) = (3, 500);
        let server = ServerSeen { requests: 3, bytes_out: 400, ..ServerSeen::default() };
        let folder = tempfile::tempdir().unwrap();
        let agreement = check(folder.path(), &session, Some(server));
        assert!(agreement.with_server);
        assert_eq!(agreement.disagreements, ["bytes from S3: 500 in session.json, 400 in the server's log"]);
        session.remote_errors = 1;
        let agreement = check(folder.path(), &session, Some(server));
        assert_eq!((agreement.with_server, agreement.disagreements), (false, Vec::new()));
    }
}
