//! The embedded S3 server, and the link in front of it (latency, jitter, bandwidth).
