//! The verdict on a state as data: bottlenecks with their evidence. `report/text` has the words.

use serde::Serialize;

use crate::analysis::verdict::parts::Parts;
use crate::plan::steps::Setup;
use crate::plan::what_if::WhatIf;
use crate::results::time_breakdown::{Stage, WaitKind};
use crate::scenario::cache_state::CacheState;
use crate::scenario::rule::Rule;
use gocacheprog::cache::Strategy;

/// The bottlenecks of one state, or of one case, by its typical round.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StateVerdict {
    /// The name in tables: the state, or the case.
    pub name: String,
    /// Its state and case; `folder` says it too.
    #[serde(skip)]
    pub setup: Setup,
    /// Folder of the round that was judged, below the folder of the run: of the rounds that count the one nearest to the median.
    pub folder: String,
    pub wall_ns: u64,
    /// The cost of waiting for the remote in gets, by part; None where the round cannot be judged.
    pub gets: Option<Parts>,
    /// The part of `gets.first_byte_ns` that waited for the list and the manifests, nanoseconds.
    pub manifests_ns: Option<f64>,
    /// By the time that could be saved, the largest first.
    pub ranked: Vec<Finding>,
    /// Findings that cost no time: memory that grows, errors, open files.
    pub beside: Vec<Finding>,
    /// The reason why the round cannot be judged.
    pub too_little: Option<TooLittle>,
    /// Records that are missing.
    pub missing: Vec<Missing>,
}

impl StateVerdict {
    /// True if it was judged, and nothing was found.
    pub fn is_quiet(&self) -> bool {
        self.ranked.is_empty() && self.too_little.is_none()
    }

    /// The largest estimated saving, as a share of the wall clock; 0 where nothing was found.
    pub fn largest_share(&self) -> f64 {
        self.ranked.first().map_or(0.0, |finding| finding.share_of(self.wall_ns))
    }
}

impl Finding {
    /// The estimated saving as a share of a build that took `wall_ns`.
    pub fn share_of(&self, wall_ns: u64) -> f64 {
        self.saves_ns.unwrap_or(0) as f64 / wall_ns.max(1) as f64
    }
}

/// A finding of one rule.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Finding {
    pub rule: Rule,
    pub bottleneck: Bottleneck,
    pub evidence: Vec<Evidence>,
    /// A command of ours that measures or makes the change; None where it takes an idea.
    pub action: Option<Action>,
    /// The estimated saving, nanoseconds of the wall clock: the sum of `part_ns` of the evidence. None for what costs no time.
    pub saves_ns: Option<u64>,
}

/// A bottleneck, with the numbers of its title.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Bottleneck {
    /// Answers of the remote begin late: mean time to the first byte.
    Latency { first_byte_ns: f64 },
    /// Answers of the remote come in slowly: mean time from the first byte to the last.
    Bandwidth { answer_ns: f64 },
    /// Each get waits for several requests, one after the other.
    RoundTrips { requests_per_get: f64 },
    /// Downloads go one after the other.
    Connections,
    /// Puts wait for their uploads.
    UploadInPut { has_queue: bool },
    /// Requests fail and are repeated.
    RemoteErrors { failed: u64, requests: u64 },
    /// Long waits before requests are repeated.
    BackOff { mean_ns: f64 },
    /// The end of the build waits for uploads.
    Close,
    /// The end of the build waits for compression.
    Compression,
    /// The handshake comes late.
    Handshake { took_ns: u64 },
    /// stdin is not read while a request waits for the remote.
    Reader,
    /// Gets wait for a lock that is held during a request to the remote.
    Lock,
    /// Storing locally waits for the disk.
    LocalDisk,
    /// Gets wait until downloaded packs are decompressed, checked and stored.
    Unpacking,
    /// The backend uses CPU time while all cores are in use.
    BackendCpu { used_ns: u64 },
    /// Other programs use the CPU: their share of the CPU time in use.
    HostCpu { share: f64 },
    /// S3 is asked for outputs that are on disk: requests for each get.
    NeedlessRequests { requests_per_get: f64 },
    /// Many S3 requests need a new connection: their share.
    NewConnections { share: f64 },
    /// Waits that no other rule explains.
    OtherWaits { largest: Quantity, cost_ns: f64 },
    /// Memory of the backend grows.
    Memory { first_bytes: u64, last_bytes: u64 },
    /// Many files are open at once.
    OpenFiles { most: u64 },
    /// Requests that failed for good, and entries that were not uploaded.
    Errors { failed: u64, uploads_left: u64 },
}

/// A number, and the place where it is recorded.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Evidence {
    pub quantity: Quantity,
    /// The number as the file has it: nanoseconds, bytes, a count, a share.
    pub value: f64,
    /// The part of the estimated saving that comes from this number, nanoseconds; None for a number that only explains.
    pub part_ns: Option<f64>,
    /// Below the folder of the run.
    pub file: String,
    /// The `jq` filter that gives the number there.
    pub query: String,
}

/// The meaning of a number of the evidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Quantity {
    /// Cost of the wall clock, nanoseconds, of gets that waited for first bytes of their own requests and packs.
    CostOfFirstBytes,
    /// Cost of the wall clock, nanoseconds, of gets that waited for the list and the manifests.
    CostOfManifests,
    /// Cost of the wall clock, nanoseconds, of gets that waited for bytes on their way.
    CostOfTransfers,
    /// Cost of the wall clock, nanoseconds, of gets that waited for the turn of their download.
    CostOfTurns,
    CostOfRetries,
    CostOfBackOffs,
    CostOfUnpacking,
    CostOfConnections,
    NewConnections,
    /// Cost of the wall clock, nanoseconds, of gets that waited in no stage that the backend names.
    CostOfLock,
    CostOfUploadsInPuts,
    /// Cost of the wall clock, nanoseconds, of requests of one kind in one stage.
    CostOfWait(WaitKind, Stage),
    RequestsPerGet,
    BytesDown,
    BytesUp,
    MostDownloads,
    Puts,
    FailedRequests,
    Requests,
    BackOffs,
    CloseTime,
    CloseSending,
    CloseCompressing,
    CloseCpu,
    CloseUnexplained,
    /// Time in which threads of the backend had no core while go waited for its close.
    CloseStarved,
    HandshakeTime,
    RequestsInPipe,
    ReaderBlocked,
    MeanWrite,
    UnpackAsleep,
    UnpackCpu,
    DiskPressure,
    BackendRunQueueWait,
    BackendCpu,
    CoresBusy,
    AllCpu,
    RunCpu,
    MemoryAtEnd,
    MemoryPerRequest,
    OpenFiles,
    UploadsLeft,
    AnswersWithError,
}

/// A command of ours for a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// `bench what-if` measures the change, with the arguments of the run.
    WhatIf { change: WhatIf, state: CacheState },
    /// The state is run with another strategy.
    Strategy { state: CacheState, strategy: Strategy },
}

/// Why a round cannot be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum TooLittle {
    /// The build took so few nanoseconds.
    TooShort(u64),
    NoSession,
    NoRequestLog,
}

/// A record that is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// Samples that span at least half a second.
    LongSamples,
    Samples,
    RequestLog,
    WallProfile,
}
