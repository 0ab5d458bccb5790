//! Where the remote is: the `S3_` variables of the workshop.
