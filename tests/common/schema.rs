//! Whether a results.json is as the schema says that is kept in git.

use serde_json::Value;

/// Fails where it is not.
pub fn check(results: &Value) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/metrics/results.schema.json");
    let schema = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let faults = validator.iter_errors(results).map(|error| format!("{}: {error}", error.instance_path()));
    assert_eq!(faults.collect::<Vec<String>>(), Vec::<String>::new());
}
