//! One request: sent once more for another region, and its failure put into words.

use std::error::Error as StdError;
use std::future::Future;
use std::sync::atomic::Ordering;
use std::time::Duration;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use super::attempt::Attempt;
use super::{S3Client, S3Error, probe, unreachable};

impl S3Client {
    /// Sends a request and waits for its answer, once more where the answer names another region.
    pub(super) async fn run<O, E, F>(
        &self,
        attempt: &Attempt<'_>,
        limit: Duration,
        send: impl Fn() -> F,
    ) -> Result<O, S3Error>
    where
        F: Future<Output = Result<O, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + StdError + 'static,
    {
        let region = self.shared.endpoint.region();
        let mut answer = attempt.timed(limit, send()).await?;
        if answer.as_ref().is_err_and(|error| self.shared.endpoint.learn(&region, error)) {
            answer = attempt.timed(limit, send()).await?;
        }
        self.settle(attempt, answer).await
    }

    pub(super) async fn settle<O, E>(
        &self,
        attempt: &Attempt<'_>,
        answer: Result<O, SdkError<E, HttpResponse>>,
    ) -> Result<O, S3Error>
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        match answer {
            Ok(output) => {
                // It speaks what the endpoint says.
                self.shared.protocol_asked.store(true, Ordering::Relaxed);
                Ok(output)
            }
            Err(error) => Err(self.explain(attempt, &error).await),
        }
    }

    /// Says what went wrong. A port that does not answer in the endpoint's protocol is asked for the other one, once.
    async fn explain<E>(&self, attempt: &Attempt<'_>, error: &SdkError<E, HttpResponse>) -> S3Error
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        let target = &self.shared.target;
        if target.proxy.is_none() && is_of_protocol(error) && !self.shared.protocol_asked.swap(true, Ordering::Relaxed)
        {
            let _ = self.shared.other_protocol.set(probe::other_protocol(target).await);
        }
        match self.shared.other_protocol.get() {
            Some(Some(scheme)) if is_of_protocol(error) => {
                let hint = format!("write {}", target.with_scheme(scheme));
                attempt.unreachable(format!("speaks {scheme}"), Some(hint))
            }
            _ => attempt.explain(error),
        }
    }
}

/// The failure of a port that may speak another protocol: no answer that can be read, or a refusal that is not S3's.
fn is_of_protocol<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    match error {
        SdkError::DispatchFailure(failure) => {
            !failure.is_timeout() && !failure.as_connector_error().is_some_and(unreachable::is_refused)
        }
        SdkError::ServiceError(failed) => failed.raw().status().as_u16() == 400 && failed.err().code().is_none(),
        SdkError::ResponseError(failed) => failed.raw().status().as_u16() == 400,
        _ => false,
    }
}
