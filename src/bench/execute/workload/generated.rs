//! The module that bench writes: packages that import each other and, where that is wanted, packages of std and of a second
//! module.

use std::fmt::Write;
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Functions of a generated package: enough that its archive is not tiny.
const FUNCTIONS: u32 = 40;
/// The date of generated files: go does not index a package with files younger than 2 s, and the date is part of its keys.
const DATE: Duration = Duration::from_secs(1_700_000_000);
/// How much later files are dated that were changed since.
const LATER: Duration = Duration::from_secs(86_400);

/// Folder of the second module beside the first.
pub const DEPENDENCY: &str = "dependency";
/// Module path of the second.
const DEPENDENCY_PATH: &str = "dependency.example";

/// A module to write.
#[derive(Debug, Clone, Copy)]
pub struct Generated<'a> {
    /// Packages of the module; 0: one without any.
    pub packages: u32,
    /// Packages of std: each generated package imports one of them.
    pub imports: &'a [String],
    /// Packages of the second module: each package of the first imports one of them; 0: there is none.
    pub dependency_packages: u32,
    /// KiB of data that each package of the module holds.
    pub data_kib: u32,
}

impl Generated<'_> {
    /// Writes the module into `folder`, which is there, and the second one beside it.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let mut go_mod = "module small.example\n\ngo 1.24\n".to_owned();
        if self.dependency_packages > 0 {
            go_mod += &format!("\nrequire {DEPENDENCY_PATH} v1.0.0\n\nreplace {DEPENDENCY_PATH} => ../{DEPENDENCY}\n");
            let beside = folder.with_file_name(DEPENDENCY);
            std::fs::create_dir(&beside)?;
            write_dated(&beside.join("go.mod"), &format!("module {DEPENDENCY_PATH}\n\ngo 1.24\n"))?;
            for number in 0..self.dependency_packages {
                write_package(&beside, &format!("d{number:02}"), &functions(number, "x"))?;
            }
            File::open(&beside)?.set_modified(date())?;
        }
        write_dated(&folder.join("go.mod"), &go_mod)?;
        for number in 0..self.packages {
            write_package(folder, &format!("p{number:02}"), &self.source(number))?;
        }
        File::open(folder)?.set_modified(date())
    }

    /// Each package imports two earlier ones, so that go has to wait for some and can build others side by side.
    fn source(&self, number: u32) -> String {
        let mut earlier = vec![number / 2, number / 3];
        earlier.dedup();
        earlier.retain(|import| *import != number);
        let (mut text, mut sum) = (String::new(), String::from("x"));
        for import in earlier {
            text += &format!("import \"small.example/p{import:02}\"\n");
            sum += &format!(" + p{import:02}.F0(x)");
        }
        if !self.imports.is_empty() {
            text += &format!("import _ \"{}\"\n", self.imports[number as usize % self.imports.len()]);
        }
        if self.dependency_packages > 0 {
            let import = number % self.dependency_packages;
            text += &format!("import \"{DEPENDENCY_PATH}/d{import:02}\"\n");
            sum += &format!(" + d{import:02}.F0(x)");
        }
        text += &functions(number, &sum);
        if self.data_kib > 0 {
            text += &data(number, self.data_kib);
        }
        text
    }
}

fn write_package(module: &Path, name: &str, rest: &str) -> io::Result<()> {
    let folder = module.join(name);
    std::fs::create_dir(&folder)?;
    let head = format!("// Package {name} is written by bench.\npackage {name}\n\n");
    write_dated(&folder.join("p.go"), &(head + rest))?;
    File::open(&folder)?.set_modified(date())
}

fn functions(number: u32, sum: &str) -> String {
    let mut text = String::new();
    for function in 0..FUNCTIONS {
        let factor = number * FUNCTIONS + function + 1;
        write!(
            text,
            "\n// F{function} mixes its argument.\nfunc F{function}(x int) int {{\n\tfor i := 0; i < {factor}; i++ \
             {{\n\t\tx ^= x<<5 + i*{factor}\n\t}}\n\treturn {sum}\n}}\n"
        )
        .expect("a String takes everything");
    }
    text
}

/// Letters and digits without an order: zstd makes three quarters of them, and works for it.
fn data(number: u32, kib: u32) -> String {
    let mut random = fastrand::Rng::with_seed(number.into());
    let data: String = (0..kib << 10).map(|_| random.alphanumeric()).collect();
    format!("\n// Data makes the archive large.\nvar Data = \"{data}\"\n")
}

fn write_dated(path: &Path, text: &str) -> io::Result<()> {
    std::fs::write(path, text)?;
    File::options().write(true).open(path)?.set_modified(date())
}

fn date() -> SystemTime {
    SystemTime::UNIX_EPOCH + DATE
}

/// The date of a file that was changed after all were written.
pub fn later() -> SystemTime {
    date() + LATER
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(generated: Generated<'_>) -> tempfile::TempDir {
        let parent = tempfile::tempdir().unwrap();
        std::fs::create_dir(parent.path().join("module")).unwrap();
        generated.write(&parent.path().join("module")).unwrap();
        parent
    }

    #[test]
    fn a_module_is_the_same_every_time_and_dated_back() {
        let plain = Generated { packages: 4, imports: &[], dependency_packages: 0, data_kib: 0 };
        let read = |parent: tempfile::TempDir| {
            let file = parent.path().join("module/p03/p.go");
            let age = file.metadata().unwrap().modified().unwrap();
            (std::fs::read_to_string(file).unwrap(), age)
        };
        let (first, age) = read(written(plain));
        assert_eq!((first.clone(), age), read(written(plain)));
        assert_eq!(age, date());
        assert!(first.contains("import \"small.example/p01\""), "{first}");
    }

    #[test]
    fn packages_of_std_and_of_a_second_module_are_imported() {
        let imports = ["fmt".to_owned(), "net/http".to_owned()];
        let parent = written(Generated { packages: 2, imports: &imports, dependency_packages: 1, data_kib: 2 });
        let text = std::fs::read_to_string(parent.path().join("module/p01/p.go")).unwrap();
        assert!(text.contains("import _ \"net/http\"") && text.contains("d00.F0(x)"), "{text}");
        let go_mod = std::fs::read_to_string(parent.path().join("module/go.mod")).unwrap();
        assert!(go_mod.contains("replace dependency.example => ../dependency"), "{go_mod}");
        assert!(parent.path().join("dependency/d00/p.go").is_file());
    }
}
