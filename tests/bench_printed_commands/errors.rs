//! The commands that errors give as the next step.

use super::{PROGRAM, Shell, commands_of_run, common};

/// The next step of an error.
fn next_of(error: &str) -> &str {
    let next = error.lines().find_map(|line| line.trim_start().strip_prefix("next:  "));
    next.unwrap_or_else(|| panic!("{error}"))
}

#[test]
fn a_command_for_go_makes_the_module_work() {
    let shell = Shell::new();
    let write = |path: &str, content: &str| common::write(&shell.path().join(path), content);
    let replaced = "replace (\n\tdep.example => ../dep\n\tlow.example => ../low\n)\n";
    write("my module/go.mod", &format!("module mine.example\n\ngo 1.24\n\nrequire dep.example v0.0.0\n\n{replaced}"));
    write("my module/m.go", "package m\n\nimport _ \"dep.example\"\n");
    write("dep/go.mod", "module dep.example\n\ngo 1.24\n\nrequire low.example v0.0.0\n");
    write("dep/d.go", "package dep\n\nimport _ \"low.example\"\n");
    write("low/go.mod", "module low.example\n\ngo 1.24\n");
    write("low/l.go", "package low\n");
    let line = format!("{PROGRAM} --scenario small --workload 'my module' --only go-warm --rounds 1");
    let error = shell.fail(&line, 1);
    let next = next_of(&error);
    let command = next.split('`').nth(1).unwrap_or_else(|| panic!("{error}"));
    assert!(command.ends_with(" mod tidy"), "{error}");
    shell.run(command);
    shell.run(&line);
}

#[test]
fn what_stays_in_a_bucket_is_removed_by_a_command() {
    let s3 = common::S3::start();
    let mut shell = Shell::new();
    shell.variables = s3.variables();
    shell.variables.push(("S3_PREFIX", "my team's".to_owned()));
    s3.server.set_faults(vec!["no-delete".parse().unwrap()], 0);
    let line = format!("{PROGRAM} --scenario 'my scenario.toml' --remote env --only remote-hit");
    let error = shell.fail(&line, 1);
    s3.server.set_faults(Vec::new(), 0);
    let next = next_of(&error);
    assert!(next.starts_with("S3_PREFIX='my team'"), "{error}");
    // Its stdin is no terminal here, so that it cannot ask.
    let listed = shell.fail(next, 1);
    assert!(listed.contains("objects of the cache below") && listed.contains("nothing deleted"), "{listed}");
    let deleted = shell.run(&format!("{next} --yes"));
    assert!(deleted.starts_with("deleted ") && shell.run(next).is_empty(), "{deleted}");

    // Nothing that is suggested for such a run sets the link, as that cannot be.
    let screen = shell.run(&line);
    assert!(screen.contains("S3 is slow to respond") || screen.contains(" requests in a row"), "{screen}");
    let commands = commands_of_run(&shell, "metrics", &screen);
    assert!(commands.iter().all(|command| !command.contains(" latency-0")), "{commands:#?}");
    let planned = shell.run(&format!("{PROGRAM} what-if --scenario small --remote env --dry-run"));
    assert!(planned.contains("connections-double") && !planned.contains("latency-0"), "{planned}");
    let refused = shell.fail(&format!("{PROGRAM} what-if --remote env --change latency-0"), 1);
    assert!(refused.contains("sets the link to the embedded S3 server"), "{refused}");
}

#[cfg(not(feature = "heap-profile"))]
#[test]
fn a_build_with_the_heap_profiler_has_the_arguments_of_the_run() {
    let shell = Shell::new();
    let error = shell.fail(&format!("{PROGRAM} --scenario 'my scenario.toml' --heap-profile"), 1);
    let next = next_of(&error);
    // Building bench once more takes minutes: cargo says whether it could.
    let arguments = next.strip_prefix("cargo run --features heap-profile --bin bench -- ").unwrap();
    assert_eq!(arguments, "--scenario 'my scenario.toml' --heap-profile");
    let metadata = ["metadata", "--no-deps", "--offline", "--format-version", "1"];
    let metadata = std::process::Command::new(env!("CARGO"))
        .args(metadata)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages.iter().find(|package| package["name"] == "cacheprog").unwrap();
    assert!(package["features"]["heap-profile"].is_array());
    assert!(package["targets"].as_array().unwrap().iter().any(|target| target["name"] == "bench"));
}
