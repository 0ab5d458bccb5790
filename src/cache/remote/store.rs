//! The remote store: what any request goes through, its client, its circuit breaker and its count.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::OnceCell;

use crate::cache::remote::breaker::Breaker;
use crate::cache::remote::contact::{Contact, SILENCE};
use crate::cache::remote::error::RemoteError;
use crate::cache::remote::memory::Memory;
use crate::cache::remote::meter::Meter;
use crate::cache::remote::meter::Traffic;
use crate::cache::remote::purpose::{Attempt, Purpose};
use crate::cache::remote::retry::AHEAD_RETRY_AFTER;
use crate::cache::remote::retry::is_worth_another_try;
use crate::cache::remote::s3_client::client::S3Client;
use crate::cache::remote::s3_client::error::S3Error;
use crate::cache::remote::s3_config::config::S3Config;
use crate::platform::fault_injection::FaultSettings;

/// The longest that go waits for one body.
pub(crate) const BODY_DEADLINE: Duration = Duration::from_secs(60);
/// A failure that took this long counts as one that go waited for.
const SLOW: Duration = Duration::from_secs(1);

/// One remote as a session sees it.
pub struct Remote {
    pub(crate) config: S3Config,
    /// Made by the first request: a session that hits locally never pays for it.
    client: OnceCell<S3Client>,
    /// That of the uploads beside the answers. Apart, because the threads that use a client first work on its
    /// connections ever after, and those of these uploads step back.
    upload_client: OnceCell<S3Client>,
    pub(crate) breaker: Breaker,
    /// Apart: who may only read, or has a slow uplink, still reads.
    pub(crate) upload_breaker: Breaker,
    pub(crate) contact: Contact,
    pub(crate) meter: Meter,
    /// Waits before what is fetched ahead is tried again.
    pub(crate) back_off: [Duration; 2],
    /// Memory of sessions that it is off; `None`: this one remembers nothing.
    pub(crate) memory: Option<Memory>,
    /// Memory of sessions that uploads to it are off.
    pub(crate) upload_memory: Option<Memory>,
    /// True if they were off before.
    pub(crate) were_uploads_off: AtomicBool,
    /// True if this session is the one that tries uploads again.
    pub(crate) tries_uploads: AtomicBool,
    /// Set by the first need of the remote, which looks at what earlier sessions have left there.
    pub(crate) recalled: OnceLock<()>,
    /// True if it was off then.
    pub(crate) was_off_before: AtomicBool,
    /// Tries whether a remote that is off works again.
    pub(crate) probe: Mutex<Option<JoinHandle<()>>>,
    /// Why it went off first in this session.
    pub(crate) first_reason: OnceLock<Arc<str>>,
    /// Why nothing was fetched, where it did not go off.
    pub(crate) trouble: OnceLock<Arc<str>>,
    /// Why the first get was denied that was.
    pub(crate) denial: OnceLock<Arc<str>>,
}

impl Remote {
    /// A remote that has not been talked to yet.
    pub fn new(config: S3Config) -> Self {
        Self {
            config,
            client: OnceCell::new(),
            upload_client: OnceCell::new(),
            breaker: Breaker::default(),
            upload_breaker: Breaker::default(),
            contact: Contact::default(),
            meter: Meter::default(),
            back_off: AHEAD_RETRY_AFTER,
            memory: None,
            upload_memory: None,
            were_uploads_off: AtomicBool::new(false),
            tries_uploads: AtomicBool::new(false),
            recalled: OnceLock::new(),
            was_off_before: AtomicBool::new(false),
            probe: Mutex::default(),
            first_reason: OnceLock::new(),
            trouble: OnceLock::new(),
            denial: OnceLock::new(),
        }
    }

    /// Lets sessions over the local store in `folder` remember when it is off.
    pub fn remembered_in(mut self, folder: &Path) -> Self {
        self.memory = Some(Memory::new(folder, &self.config));
        self.upload_memory = Some(Memory::of_uploads(folder, &self.config));
        self
    }

    /// Injects faults.
    pub fn with(mut self, faults: FaultSettings) -> Self {
        if let Some(ms) = faults.back_off_ms {
            self.back_off = [Duration::from_millis(ms); 2];
        }
        self
    }

    /// Tells it from other remotes; holds no credential.
    pub fn name(&self) -> String {
        let S3Config { endpoint_url, bucket, prefix, .. } = &self.config;
        format!("{endpoint_url}/{bucket}/{prefix}")
    }

    /// Why the remote is off; `None` while it is on.
    pub fn off_reason(&self) -> Option<Arc<str>> {
        self.breaker.reason()
    }

    /// How often the remote has come back in this session after it was off.
    pub fn returns(&self) -> u64 {
        self.breaker.closings()
    }

    /// Why nothing more is uploaded; `None` while uploads are on.
    pub fn uploads_off_reason(&self) -> Option<Arc<str>> {
        self.off_reason().or_else(|| self.upload_breaker.reason())
    }

    /// Why the session did without the remote or without uploads, be it for a part of its time; `None` where it did not.
    pub fn trouble(&self) -> Option<Arc<str>> {
        let earlier = || self.first_reason.get().or(self.trouble.get()).or(self.denied_all()).cloned();
        self.uploads_off_reason().or_else(earlier)
    }

    /// The traffic so far.
    pub fn traffic(&self) -> Traffic {
        self.meter.traffic()
    }

    /// Connections to it that are open now.
    pub fn connections_open(&self) -> u64 {
        [&self.client, &self.upload_client]
            .iter()
            .filter_map(|client| client.get())
            .map(S3Client::connections_open)
            .sum()
    }

    /// Pieces of bodies that connections have taken so far: while it grows, uploads move.
    pub fn pieces_sent(&self) -> u64 {
        [&self.client, &self.upload_client].iter().filter_map(|client| client.get()).map(S3Client::pieces_sent).sum()
    }

    pub(crate) fn sent(&self, bytes: u64) {
        self.meter.bytes_up.fetch_add(bytes, Ordering::Relaxed);
        self.meter.objects_up.fetch_add(1, Ordering::Relaxed);
    }

    /// The client of all that go waits for.
    pub(crate) async fn client(&self) -> &S3Client {
        self.client.get_or_init(|| self.connect(S3Client::connect)).await
    }

    pub(crate) async fn client_for(&self, attempt: Attempt) -> &S3Client {
        self.client_where(attempt.go_waits).await
    }

    pub(crate) async fn client_where(&self, go_waits: bool) -> &S3Client {
        if go_waits {
            return self.client().await;
        }
        self.upload_client.get_or_init(|| self.connect(S3Client::connect_patiently)).await
    }

    async fn connect(&self, connect: fn(&S3Config) -> S3Client) -> S3Client {
        let config = self.config.clone();
        // Reading the system's certificates takes milliseconds: not on a thread that answers go.
        match tokio::task::spawn_blocking(move || connect(&config)).await {
            Ok(client) => client,
            Err(_) => connect(&self.config),
        }
    }

    /// Runs one request unless its circuit is open, counts it, and tells the circuit how it went.
    pub(crate) async fn request<T>(
        &self,
        purpose: Purpose,
        work: impl Future<Output = Result<T, RemoteError>>,
    ) -> Result<T, RemoteError> {
        if let Purpose::Upload(attempt) = purpose {
            self.meet(attempt.go_waits).await;
        }
        let off_reason = match purpose {
            Purpose::Download | Purpose::Ahead { .. } => self.off_reason(),
            Purpose::Upload(_) => self.uploads_off_reason(),
        };
        if let Some(reason) = off_reason {
            return Err(RemoteError::Off(reason));
        }
        self.meter.requests.fetch_add(1, Ordering::Relaxed);
        let _download = purpose.is_download().then(|| self.meter.download());
        let began = Instant::now();
        // What is under way when the remote goes off would only let go wait.
        let result = tokio::select! {
            biased;
            result = work => result,
            reason = self.went_off(purpose) => Err(RemoteError::Off(reason)),
            () = self.silence(true), if purpose.is_download() => Err(self.no_answer("the first question", SILENCE).into()),
        };
        match &result {
            Ok(_) => {
                self.contact.hear();
                match purpose {
                    Purpose::Download | Purpose::Ahead { .. } => self.breaker.succeeded(),
                    Purpose::Upload(_) => self.uploads_work(),
                }
            }
            Err(error) => {
                self.meter.errors.fetch_add(1, Ordering::Relaxed);
                self.after_failure(error, purpose, began.elapsed()).await;
            }
        }
        result
    }

    async fn went_off(&self, purpose: Purpose) -> Arc<str> {
        match purpose {
            Purpose::Download | Purpose::Ahead { .. } => self.breaker.opened().await,
            Purpose::Upload(_) => tokio::select! {
                reason = self.breaker.opened() => reason,
                reason = self.upload_breaker.opened() => reason,
            },
        }
    }

    /// `is_slow`: go had to wait to find out.
    pub(crate) fn open_for_all(&self, reason: &str, is_slow: bool) {
        if self.breaker.open(reason) {
            self.has_gone_off(reason, is_slow);
        }
    }

    fn has_gone_off(&self, reason: &str, is_slow: bool) {
        let _ = self.first_reason.set(reason.into());
        if let Some(memory) = &self.memory {
            memory.note_off(reason, is_slow);
        }
    }

    async fn after_failure(&self, error: &RemoteError, purpose: Purpose, waited: Duration) {
        if error.is_answer() {
            self.contact.hear();
        }
        if is_unreachable(error) && !self.contact.has_heard() {
            // One lost connection says little of a remote that was never reached.
            let go_waits = !matches!(purpose, Purpose::Upload(attempt) if !attempt.go_waits);
            self.greet(go_waits).await;
        } else {
            self.note_failure(error, purpose, waited);
        }
    }

    pub(crate) fn note_failure(&self, error: &RemoteError, purpose: Purpose, waited: Duration) {
        if matches!(error, RemoteError::Off(_)) || self.note_first_failure(error) {
            return;
        }
        let slow = !matches!(purpose, Purpose::Ahead { .. }) && (error.is_timeout() || waited >= SLOW);
        let is_tried_again = match purpose {
            Purpose::Download => false,
            Purpose::Ahead { is_last } => !is_last && is_worth_another_try(error),
            Purpose::Upload(attempt) => !attempt.is_last && error.is_passing(),
        };
        if !error.is_of_the_remote(purpose) || is_tried_again {
            return;
        }
        // A remote that cannot be reached gives nothing either.
        let is_of_uploads = matches!(purpose, Purpose::Upload(attempt) if attempt.is_large || !is_unreachable(error));
        if is_of_uploads {
            if self.upload_breaker.failed(slow, &error.to_string()) && error.is_timeout() {
                self.remember_uploads_off(&error.to_string());
            }
        } else if self.breaker.failed(slow, &error.to_string()) {
            self.has_gone_off(&error.to_string(), slow);
        }
    }
}

fn is_unreachable(error: &RemoteError) -> bool {
    matches!(error, RemoteError::S3(S3Error::Unreachable { .. }))
}

/// Gives up after `limit`.
pub(crate) async fn within<T>(
    limit: Duration,
    key: &str,
    work: impl Future<Output = Result<T, RemoteError>>,
) -> Result<T, RemoteError> {
    let too_slow = || RemoteError::TooSlow { key: key.to_owned(), seconds: limit.as_secs() };
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(too_slow()))
}
