//! The words for a finding: its title, why it matters, what it rests on, and what could be done.

use crate::analysis::verdict::finding::{Bottleneck, Evidence, Finding, Missing, Quantity, TooLittle};
use crate::analysis::verdict::remote::{CONNECTIONS, SHORT_BACK_OFF_NS};
use crate::report::text::units;
use crate::report::text::units::{counted, duration, megabytes, percent};
use crate::results::time_breakdown::{Stage, WaitKind};

/// The title of a finding, in one line.
pub fn title(bottleneck: &Bottleneck) -> String {
    match *bottleneck {
        Bottleneck::Latency { first_byte_ns } => {
            format!("S3 is slow to respond: {} to first byte", duration(first_byte_ns))
        }
        Bottleneck::Bandwidth { answer_ns } => {
            format!("S3 is slow to send: {} a download after its first byte", duration(answer_ns))
        }
        Bottleneck::RoundTrips { requests_per_get } => {
            format!("each get waits for {requests_per_get:.1} requests in a row")
        }
        Bottleneck::Connections => "downloads go one after the other".to_owned(),
        Bottleneck::UploadInPut { .. } => "puts wait for their uploads".to_owned(),
        Bottleneck::RemoteErrors { failed, requests } => {
            format!("{} of the S3 requests fail and are repeated", percent(failed as f64 / requests.max(1) as f64))
        }
        Bottleneck::BackOff { mean_ns } => format!("failed S3 requests are repeated only after {}", duration(mean_ns)),
        Bottleneck::Close => "the end of the build waits for uploads".to_owned(),
        Bottleneck::Compression => "the end of the build waits for compression".to_owned(),
        Bottleneck::Handshake { took_ns } => {
            format!("the backend starts slowly: {} to its handshake", duration(took_ns as f64))
        }
        Bottleneck::Reader => "stdin is not read while a request waits for S3".to_owned(),
        Bottleneck::Lock => "gets wait for a lock that is held during S3 requests".to_owned(),
        Bottleneck::LocalDisk => "storing locally waits for the disk".to_owned(),
        Bottleneck::Unpacking => "unpacking downloads is slow".to_owned(),
        Bottleneck::BackendCpu { used_ns } => {
            format!("the backend competes with the compiler for CPU: {}", duration(used_ns as f64))
        }
        Bottleneck::HostCpu { share } => format!("other programs use {} of the CPU time in use", percent(share)),
        Bottleneck::NeedlessRequests { requests_per_get } => {
            format!("gets ask S3 {requests_per_get:.1} times for an output that is on disk")
        }
        Bottleneck::NewConnections { share } => format!("{} of the S3 requests need a new connection", percent(share)),
        Bottleneck::OtherWaits { largest, cost_ns } => {
            format!("other waits, mostly {}: {}", largest_of(largest), duration(cost_ns))
        }
        Bottleneck::Memory { first_bytes, last_bytes } => format!(
            "the backend's memory grew from {} to {}, and still grows",
            megabytes(first_bytes as f64),
            megabytes(last_bytes as f64)
        ),
        Bottleneck::OpenFiles { most } => format!("the backend had {} open at once", counted(most as usize, "file")),
        Bottleneck::Errors { failed, uploads_left } => format!(
            "{} to S3 failed, {} still pending at exit",
            counted(failed as usize, "request"),
            counted(uploads_left as usize, "upload")
        ),
    }
}

/// Why that costs time, or matters.
pub fn why(bottleneck: &Bottleneck) -> &'static str {
    match bottleneck {
        Bottleneck::Latency { .. } => {
            "each of go's workers waits for one answer at a time, so nothing hides the time until it begins"
        }
        Bottleneck::Bandwidth { .. } => "gets wait for bytes that are on their way",
        Bottleneck::RoundTrips { .. } => {
            "each request needs the answer to the one before it, so each adds a latency to the hit"
        }
        Bottleneck::Connections => "each download also waits for the latency of all downloads before it",
        Bottleneck::UploadInPut { .. } => "packages that import this one wait until its put is answered",
        Bottleneck::RemoteErrors { .. } => "each failure costs a round trip and the wait before the next attempt",
        Bottleneck::BackOff { .. } => {
            "a get waits for the whole back-off; a short first back-off succeeds as often as a long one"
        }
        Bottleneck::Close => "go waits for the answer to its close",
        Bottleneck::Compression => "the build stores more in a second than a core can compress",
        Bottleneck::Handshake { .. } => "go does nothing before it, in each of its commands",
        Bottleneck::Reader => "go's other workers wait in the pipe",
        Bottleneck::Lock => "gets are answered one at a time, although go has several workers",
        Bottleneck::LocalDisk => {
            "a put is answered when its file is in place, and other requests wait for the disk meanwhile"
        }
        Bottleneck::Unpacking => "all that go asks for has to be unpacked first, and that takes CPU time",
        Bottleneck::BackendCpu { .. } | Bottleneck::HostCpu { .. } => "the compiler lacks the CPU time that others use",
        Bottleneck::NeedlessRequests { .. } => "all that a local hit needs is on this machine",
        Bottleneck::NewConnections { .. } => "its handshakes cost one or two round trips before the request",
        Bottleneck::OtherWaits { .. } => "go waits for each of these answers",
        Bottleneck::Memory { .. } => "a long go command, such as `go run ./server`, keeps its backend for long",
        Bottleneck::OpenFiles { .. } => "many systems allow a process 1024",
        Bottleneck::Errors { .. } => "what failed is a miss for the next build",
    }
}

/// The next step where no command of ours does it.
pub fn idea(bottleneck: &Bottleneck) -> String {
    let words = match bottleneck {
        Bottleneck::Latency { .. } => "a bucket in the same region, or fewer requests",
        Bottleneck::Bandwidth { .. } => "compress what is stored, or a faster link",
        Bottleneck::RoundTrips { .. } => "one object a hit, or an index that is read once",
        Bottleneck::Connections => {
            return format!("download several at the same time: {CONNECTIONS} connections are not too many");
        }
        Bottleneck::UploadInPut { has_queue: false } => "upload beside the answers",
        Bottleneck::UploadInPut { has_queue: true } => {
            "a faster link: so much waits to be uploaded that puts wait for room"
        }
        Bottleneck::RemoteErrors { .. } => {
            "look at the status codes in the server's log; send fewer requests at once, or larger objects"
        }
        Bottleneck::BackOff { .. } => return format!("a first back-off of {}", duration(SHORT_BACK_OFF_NS)),
        Bottleneck::Close => "--detach lets go return while the rest is uploaded",
        Bottleneck::Compression => "a lower level of zstd: 3 is near to its best size, and 1 takes half of the time",
        Bottleneck::Handshake { .. } => "send the handshake first; credentials, connections and indexes after it",
        Bottleneck::Reader => "read on, and let a task answer what has to wait",
        Bottleneck::Lock => "hold locks for memory only, never during I/O",
        Bottleneck::LocalDisk => {
            "no fsync (a body is checked, and can be made again), a faster disk, or tmpfs for --cache-dir"
        }
        Bottleneck::Unpacking => {
            "packs without compression (the scenario strategies has the numbers), or tmpfs for --cache-dir"
        }
        Bottleneck::BackendCpu { .. } => "cpu.svg of a profile round shows where",
        Bottleneck::HostCpu { .. } => "find them with top, or measure on a machine of your own",
        Bottleneck::NeedlessRequests { .. } => "store locally what was fetched, the metadata too, and look there first",
        Bottleneck::NewConnections { .. } => {
            "keep connections: read each answer to its end and close its body, also of a miss; allow more idle ones"
        }
        Bottleneck::OtherWaits { .. } => "fg.svg and trace.json of the round show the stages",
        Bottleneck::Memory { .. } => {
            "mem.svg shows where; it needs a build with --features heap-profile, and --heap-profile"
        }
        Bottleneck::OpenFiles { .. } => "close files before the answer; ulimit -n shows the limit",
        Bottleneck::Errors { .. } => "build.log in the folder of the round says why",
    };
    words.to_owned()
}

/// Reasons to doubt the number.
pub fn caveat(bottleneck: &Bottleneck) -> Option<&'static str> {
    match bottleneck {
        Bottleneck::Latency { .. } => Some("a part of it is the server's own time"),
        Bottleneck::Bandwidth { .. } => Some("on a link without a limit the two ends need the time"),
        Bottleneck::Connections => Some("only if the link has the bandwidth for several downloads"),
        Bottleneck::RemoteErrors { .. } => {
            Some("a request that failed for good is a miss: compiling is not in this time")
        }
        Bottleneck::BackOff { .. } => Some("an overloaded server needs patience: let the back-offs grow"),
        Bottleneck::Close => Some("a machine that is thrown away after the build must wait"),
        Bottleneck::Reader => {
            Some("no record says when a request entered the pipe: the latest possible time is assumed")
        }
        Bottleneck::Lock => Some("any queue in which gets wait for each other looks the same"),
        Bottleneck::LocalDisk => {
            Some("without samples a thread that waits for a core looks as if it waited for the disk")
        }
        Bottleneck::BackendCpu { .. } => Some("a backend that steps back (nice) costs the build less"),
        Bottleneck::HostCpu { .. } => Some("processes that began and ended between two samples count as others"),
        Bottleneck::OtherWaits { .. } => Some("no cache avoids all of it; writing an answer counts only beyond 50 µs"),
        Bottleneck::Memory { .. } => Some("allocators keep what was freed"),
        _ => None,
    }
}

/// A number of the evidence, and the part of the saving that it accounts for where that is another.
pub fn evidence(found: &Evidence) -> String {
    let words = quantity(found.quantity, found.value);
    match found.part_ns {
        Some(part) if (part - found.value).abs() <= 0.01 * found.value.abs() => words,
        // Time of several cores or threads: not a part of it, but what it costs the build.
        Some(part) if is_of_threads(found.quantity) => format!("{words}, which costs the build {}", duration(part)),
        Some(part) => format!("{words} ({} of it could be saved)", duration(part)),
        None => words,
    }
}

/// True for a time that is summed over cores or threads.
fn is_of_threads(quantity: Quantity) -> bool {
    matches!(
        quantity,
        Quantity::AllCpu
            | Quantity::BackendCpu
            | Quantity::CloseStarved
            | Quantity::UnpackAsleep
            | Quantity::ReaderBlocked
    )
}

/// The evidence of a finding in one sentence, the largest part of its saving first.
pub fn evidence_in_one_line(finding: &Finding) -> String {
    let mut parts: Vec<&Evidence> =
        finding.evidence.iter().filter(|found| found.part_ns.is_none_or(|ns| ns > 0.0)).collect();
    parts.sort_by(|one, other| other.part_ns.unwrap_or(0.0).total_cmp(&one.part_ns.unwrap_or(0.0)));
    let words: Vec<String> = parts.into_iter().map(evidence).collect();
    words.join("; ")
}

fn quantity(quantity: Quantity, value: f64) -> String {
    let ns = || duration(value);
    let times = |noun: &str| counted(value as usize, noun);
    match quantity {
        Quantity::CostOfFirstBytes => format!("waiting for first bytes cost {}", ns()),
        Quantity::CostOfManifests => format!("waiting for the list and the manifests cost {}", ns()),
        Quantity::CostOfTransfers => format!("waiting for bytes on their way cost {}", ns()),
        Quantity::CostOfTurns => format!("waiting for other downloads to end cost {}", ns()),
        Quantity::CostOfRetries => format!("repeated attempts cost {}", ns()),
        Quantity::CostOfBackOffs => format!("back-offs cost {}", ns()),
        Quantity::CostOfUnpacking => format!("waiting for unpacking cost {}", ns()),
        Quantity::CostOfConnections => format!("new connections cost {}", ns()),
        Quantity::NewConnections => times("new connection"),
        Quantity::CostOfLock => format!("gets that waited for another get cost {}", ns()),
        Quantity::CostOfUploadsInPuts => format!("uploads inside puts cost {}", ns()),
        Quantity::CostOfWait(kind, stage) => format!("{} cost {}", wait(kind, stage), ns()),
        Quantity::RequestsPerGet => format!("{value:.1} requests per get, one after the other"),
        Quantity::BytesDown => format!("{} downloaded", megabytes(value)),
        Quantity::BytesUp => format!("{} uploaded", megabytes(value)),
        Quantity::MostDownloads => format!("at most {} at a time", times("download")),
        Quantity::Puts => times("put"),
        Quantity::FailedRequests => format!("{} failed", times("request")),
        Quantity::Requests => format!("{} in all", times("request")),
        Quantity::BackOffs => times("back-off"),
        Quantity::CloseTime => format!("go's close took {}", ns()),
        Quantity::CloseSending => format!("{} of go's close went to sending uploads", ns()),
        Quantity::CloseCompressing => format!("{} of go's close went to compression alone", ns()),
        Quantity::CloseCpu => format!("the backend used {} of CPU time in it", ns()),
        Quantity::CloseUnexplained => format!("{} of go's close went to something other than uploads", ns()),
        Quantity::CloseStarved => format!("its threads had no core for {} of go's close", ns()),
        Quantity::HandshakeTime => format!("the handshake took {}", ns()),
        Quantity::RequestsInPipe => format!("{} waited in the pipe", times("request")),
        Quantity::ReaderBlocked => format!("the reader was blocked for {} while others waited", ns()),
        Quantity::MeanWrite => format!("{} on average to write the body of a put", ns()),
        Quantity::UnpackAsleep => format!("storing the content of packs waited for {}", ns()),
        Quantity::UnpackCpu => format!("unpacking used {} of CPU time", ns()),
        Quantity::DiskPressure => format!("processes waited for the disk for {}", ns()),
        Quantity::BackendRunQueueWait => format!("threads of the backend had no core for {}", ns()),
        Quantity::BackendCpu => format!("the backend used {} of CPU time", ns()),
        Quantity::CoresBusy => format!("{} of the cores were in use", percent(value)),
        Quantity::AllCpu => format!("all programs used {} of CPU time", ns()),
        Quantity::RunCpu => format!("go, backend and S3 server used {} of it", ns()),
        Quantity::MemoryAtEnd => format!("{} at the end", megabytes(value)),
        Quantity::MemoryPerRequest => format!("{} more a request", megabytes(value)),
        Quantity::OpenFiles => format!("{} at most", times("open file")),
        Quantity::UploadsLeft => format!("{} still pending at exit", times("upload")),
        Quantity::AnswersWithError => format!("{} with an error", times("answer")),
    }
}

/// The name of the largest of the other waits.
fn largest_of(quantity: Quantity) -> String {
    match quantity {
        Quantity::CostOfWait(kind, stage) => wait(kind, stage).to_owned(),
        Quantity::CostOfTurns => "waiting for other downloads".to_owned(),
        _ => "go's close".to_owned(),
    }
}

fn wait(kind: WaitKind, stage: Stage) -> &'static str {
    match (kind, stage) {
        (_, Stage::Queue) => "waiting in the queue",
        (_, Stage::Body) => "reading the bodies of puts",
        (WaitKind::Get, Stage::Local) => "local lookups",
        (WaitKind::Put, Stage::Local) => "storing puts",
        (_, Stage::Remote) => "waiting for the remote",
        (_, Stage::Respond) => "writing answers",
    }
}

/// Why a state cannot be judged.
pub fn too_little(why: TooLittle) -> String {
    match why {
        TooLittle::TooShort(ns) => format!("the build took only {}", duration(ns as f64)),
        TooLittle::NoSession => "session.json is missing".to_owned(),
        TooLittle::NoRequestLog => "request.txt is missing".to_owned(),
    }
}

/// The judgement that a missing record prevents, and the reason.
pub fn missing(record: Missing) -> &'static str {
    match record {
        Missing::LongSamples => "CPU contention (the build was shorter than 0.5 s)",
        Missing::Samples => "CPU, disk and memory (there are no samples)",
        Missing::RequestLog => "the waits (request.txt is missing)",
        Missing::WallProfile => "the parts of the waits (pprof/fg.prof is missing)",
    }
}

/// The saving and its share of the wall clock: `could save about 162 ms (23 %)`.
pub fn saving(saves_ns: u64, wall_ns: u64) -> String {
    let share = units::percent(saves_ns as f64 / wall_ns.max(1) as f64);
    format!("could save about {} ({share})", duration(saves_ns as f64))
}
