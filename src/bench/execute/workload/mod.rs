//! The packages that go builds, and the folder in which it builds them.

pub mod build_target;
pub mod generated;
pub mod module_copy;
pub mod source_change;
pub mod user_module;
pub mod user_settings;
