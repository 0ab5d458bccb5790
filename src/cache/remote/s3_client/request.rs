//! One request: sent once more for another region, and its failure put into words.

use std::error::Error as StdError;
use std::future::Future;
use std::sync::atomic::Ordering;
use std::time::Duration;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use crate::cache::remote::s3_client::attempt::RequestTarget;
use crate::cache::remote::s3_client::client::S3Client;
use crate::cache::remote::s3_client::error::S3Error;
use crate::cache::remote::s3_client::{probe, unreachable};

impl S3Client {
    /// Sends a request and waits for its answer, once more where the answer names another region.
    pub(super) async fn run<O, E, F>(
        &self,
        attempt: &RequestTarget<'_>,
        limit: Duration,
        send: impl Fn() -> F,
    ) -> Result<O, S3Error>
    where
        F: Future<Output = Result<O, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + StdError + 'static,
    {
        let asked = self.shared.endpoint.now();
        // On the heap, because the SDK's futures are large, and their copies in the frames of all callers would fill a
        // thread's stack in a build without optimization.
        let mut answer = attempt.timed(limit, Box::pin(send())).await?;
        if answer.as_ref().is_err_and(|error| self.shared.endpoint.learn(&asked, error)) {
            answer = attempt.timed(limit, Box::pin(send())).await?;
        }
        self.settle(attempt, answer).await
    }

    pub(super) async fn settle<O, E>(
        &self,
        attempt: &RequestTarget<'_>,
        answer: Result<O, SdkError<E, HttpResponse>>,
    ) -> Result<O, S3Error>
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        let is_answered = match &answer {
            Ok(_) => true,
            Err(error) => matches!(error, SdkError::ServiceError(_)) && !self.may_be_protocol(error),
        };
        if is_answered {
            // It speaks what the endpoint says.
            self.shared.protocol_asked.store(true, Ordering::Relaxed);
        }
        match answer {
            Ok(output) => Ok(output),
            Err(error) => Err(Box::pin(self.explain(attempt, &error)).await),
        }
    }

    /// Says what went wrong. A port that does not answer in the endpoint's protocol is asked for the other one, once.
    async fn explain<E>(&self, attempt: &RequestTarget<'_>, error: &SdkError<E, HttpResponse>) -> S3Error
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        let target = &self.shared.target;
        let may_be_protocol = self.may_be_protocol(error);
        if may_be_protocol && !self.shared.protocol_asked.swap(true, Ordering::Relaxed) {
            let _ = self.shared.other_protocol.set(probe::other_protocol(target).await);
        }
        match self.shared.other_protocol.get() {
            Some(Some(scheme)) if may_be_protocol => {
                let hint = format!("write {}", target.with_scheme(scheme));
                attempt.unreachable(format!("speaks {scheme}"), Some(hint))
            }
            _ => attempt.explain(error),
        }
    }

    /// The port may speak another protocol: it gave no answer that can be read, or a refusal that is not S3's.
    fn may_be_protocol<E: ProvideErrorMetadata>(&self, error: &SdkError<E, HttpResponse>) -> bool {
        let target = &self.shared.target;
        if target.proxy.is_some() {
            return false;
        }
        match error {
            // A server without TLS may wait for the end of a line.
            SdkError::DispatchFailure(failure) if failure.is_timeout() => target.is_tls(),
            SdkError::DispatchFailure(failure) => !failure.as_connector_error().is_some_and(unreachable::is_refused),
            SdkError::ServiceError(failed) => failed.raw().status().as_u16() == 400 && failed.err().code().is_none(),
            SdkError::ResponseError(failed) => failed.raw().status().as_u16() == 400,
            _ => false,
        }
    }
}
