//! From what was measured to what it means: [`stats`], [`compare`], [`noise`] and [`outliers`] judge
//! numbers, [`summary`], [`cases`], [`network`] and
//! [`ci`] compute what a run, its cases, a grid of links and groups of machines came to. Nothing here prints.

pub mod cases;
pub mod ci;
pub mod compare;
pub mod network;
pub mod noise;
pub mod outliers;
pub mod stats;
pub mod summary;
pub mod until;
