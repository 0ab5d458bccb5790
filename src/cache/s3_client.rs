//! The S3 operations that the cache needs, over a lean `aws-sdk-s3` client.
