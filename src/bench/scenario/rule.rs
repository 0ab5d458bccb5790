//! The rules of the verdict, by the names that results and scenarios have for them.

use serde::{Deserialize, Serialize};

/// One rule of the verdict. `bench/analysis/verdict` has what each looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    Latency,
    Bandwidth,
    RoundTrips,
    Connections,
    UploadInPut,
    RemoteErrors,
    BackOff,
    Close,
    Compression,
    Handshake,
    Reader,
    Lock,
    LocalDisk,
    Unpacking,
    BackendCpu,
    HostCpu,
    NeedlessRequests,
    NewConnections,
    OtherWaits,
    Memory,
    OpenFiles,
    Errors,
}

impl Rule {
    pub const ALL: [Rule; 22] = [
        Rule::Latency,
        Rule::Bandwidth,
        Rule::RoundTrips,
        Rule::Connections,
        Rule::UploadInPut,
        Rule::RemoteErrors,
        Rule::BackOff,
        Rule::Close,
        Rule::Compression,
        Rule::Handshake,
        Rule::Reader,
        Rule::Lock,
        Rule::LocalDisk,
        Rule::Unpacking,
        Rule::BackendCpu,
        Rule::HostCpu,
        Rule::NeedlessRequests,
        Rule::NewConnections,
        Rule::OtherWaits,
        Rule::Memory,
        Rule::OpenFiles,
        Rule::Errors,
    ];

    /// Its name in results and scenarios.
    pub fn name(self) -> &'static str {
        match self {
            Rule::Latency => "latency",
            Rule::Bandwidth => "bandwidth",
            Rule::RoundTrips => "round-trips",
            Rule::Connections => "connections",
            Rule::UploadInPut => "upload-in-put",
            Rule::RemoteErrors => "remote-errors",
            Rule::BackOff => "back-off",
            Rule::Close => "close",
            Rule::Compression => "compression",
            Rule::Handshake => "handshake",
            Rule::Reader => "reader",
            Rule::Lock => "lock",
            Rule::LocalDisk => "local-disk",
            Rule::Unpacking => "unpacking",
            Rule::BackendCpu => "backend-cpu",
            Rule::HostCpu => "host-cpu",
            Rule::NeedlessRequests => "needless-requests",
            Rule::NewConnections => "new-connections",
            Rule::OtherWaits => "other-waits",
            Rule::Memory => "memory",
            Rule::OpenFiles => "open-files",
            Rule::Errors => "errors",
        }
    }
}
