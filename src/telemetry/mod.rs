//! What a session leaves: trace, CPU profile, request log, summary. One file per output.
