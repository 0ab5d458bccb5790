//! Errors of scenarios and command lines that do not go together. Each names the next step.

use crate::scenario::backends::foreign::BackendError;

/// The reason why scenario and command line do not go together.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    #[error(
        "`--rtt` sets the link to the embedded S3 server, which `--remote env` does not use\n  next:  leave out one of the two"
    )]
    LinkOfEnv,
    #[error(
        "the case `{case}` sets {what} the embedded S3 server, which `--remote env` does not use\n  next:  leave out \
         `--remote env`, or choose other cases with --case"
    )]
    OfEmbedded { case: String, what: &'static str },
    #[error(
        "the scenario `{scenario}` writes its own module, so the package pattern `{packages}` cannot be chosen\n  \
         next:  leave it out, or use --scenario workshop"
    )]
    PatternOfModule { scenario: String, packages: String },
    #[error(
        "this bench was built without the heap profiler\n  next:  cargo run --features heap-profile --bin bench -- {arguments}"
    )]
    NoHeapProfiler { arguments: String },
    #[error("`{command}` cannot be timed: {why}\n  next:  {next}")]
    Command { command: String, why: String, next: String },
    #[error("`{packages}` is not a package pattern: {why}\n  next:  give a pattern such as ./... or net/http")]
    Pattern { packages: String, why: &'static str },
    #[error(
        "the cases of the scenario `{scenario}` set {what} themselves, so `{flag}` cannot\n  next:  leave it out, or change the scenario"
    )]
    SetByCases { scenario: String, what: &'static str, flag: &'static str },
    #[error(
        "the scenario `{scenario}` runs machines in the place of states and rounds, and says itself what they build\n  next:  \
         leave out --only, --rounds, --long-rounds, --until, --heap-profile, PACKAGES and the command after `--`, or use \
         another scenario"
    )]
    NoStates { scenario: String },
    #[error(
        "the scenario `{scenario}` cannot run two backends side by side: it has a grid, or machines in the place of states\n  \
         next:  give another one with --scenario"
    )]
    NotSideBySide { scenario: String },
    #[error(
        "the scenario `{scenario}` cannot run other backends: it has cases, a grid, or machines in the place of states\n  next:  \
         use --scenario workshop or small"
    )]
    NoOtherBackends { scenario: String },
    #[error(
        "--remote env cannot be used with another backend: its objects in your bucket would look like your \
         objects\n  next:  leave out --remote env; the embedded S3 server speaks http and https"
    )]
    BucketOfOthers,
    #[error(transparent)]
    Backend(#[from] BackendError),
    #[error("the scenario `{scenario}` has no case `{name}`{near}\n  next:  {known}")]
    UnknownCase { scenario: String, name: String, near: String, known: String },
    #[error(
        "the case `{case}` changes the module that is built, and there is none here\n  next:  set `generated_packages` under \
         [workload], or give a module of yours with --workload"
    )]
    NothingToChange { case: String },
    #[error(
        "{what} of `without` of the case `{case}` is a part of the strategy `pack`, but the case runs `{strategy}`\n  \
         next:  leave out `without`, or set strategy = \"pack\""
    )]
    NoPack { case: String, what: String, strategy: String },
}
