//! The verdict on a cache state: rules that each look for one bottleneck.

pub mod backend;
pub mod evidence;
pub mod finding;
pub mod machine;
pub mod outside;
pub mod parts;
pub mod remote;
pub mod rules;
pub mod waits;
