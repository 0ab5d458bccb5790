//! Statistics of few samples, and what they allow to say.

pub mod compare;
pub mod noise;
pub mod outliers;
pub mod precision;
pub mod rank_ratio;
pub mod rounds;
pub mod samples;
pub mod stats;
