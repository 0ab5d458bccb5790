//! The raw bytes of stdin and stdout, kept in files where that is asked for (`--capture`).

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::note::note;

/// Names of the files: bytes from go, and bytes to go.
pub const FILES: [&str; 2] = ["stdin.txt", "stdout.txt"];

/// A pipe of which a copy may be kept.
pub struct Tee {
    pipe: File,
    copy: Arc<Copy>,
}

/// The copy. It takes nothing until it is started, and nothing more after its first failure.
#[derive(Default)]
pub struct Copy {
    file: OnceLock<File>,
    failed: OnceLock<()>,
}

impl Tee {
    /// A pipe and its copy.
    pub fn new(pipe: File) -> (Self, Arc<Copy>) {
        let copy = Arc::new(Copy::default());
        (Self { pipe, copy: copy.clone() }, copy)
    }
}

impl Copy {
    /// From now on a copy is kept in a new file, which begins with what has passed `already`. A file that cannot be
    /// written is given up with one line on stderr.
    pub fn start(&self, path: &Path, already: &[u8]) {
        match File::create(path) {
            Ok(file) => {
                let _ = self.file.set(file);
                self.add(already);
            }
            Err(error) => note(format_args!("no {}: {error}", path.display())),
        }
    }

    fn add(&self, bytes: &[u8]) {
        if let Some(mut file) = self.file.get()
            && self.failed.get().is_none()
            && let Err(error) = file.write_all(bytes)
        {
            note(format_args!("the captured bytes are not complete: {error}"));
            let _ = self.failed.set(());
        }
    }
}

impl Tee {
    /// True if something can be read at once.
    pub fn is_ready(&self) -> bool {
        let mut pipe = [PollFd::new(self.pipe.as_fd(), PollFlags::POLLIN)];
        poll(&mut pipe, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
    }
}

impl Read for Tee {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.pipe.read(buffer)?;
        self.copy.add(&buffer[..read]);
        Ok(read)
    }
}

impl Write for Tee {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.pipe.write(bytes)?;
        self.copy.add(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pipe.flush()
    }
}
