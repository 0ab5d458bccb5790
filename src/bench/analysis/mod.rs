//! From what was measured to what it means: [`stats`] and [`compare`] judge numbers, [`summary`], [`cases`], [`network`] and
//! [`ci`] compute what a run, its cases, a grid of links and groups of machines came to. Nothing here prints.

pub mod cases;
pub mod ci;
pub mod compare;
pub mod network;
pub mod stats;
pub mod summary;
