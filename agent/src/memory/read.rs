//! Reads what an earlier daemon has left. Nothing in it is believed: whose the file is, how large, whether it is of this
//! boot, and line by line whether it can be understood.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use finback_core::memory::Memory;
use rustix::process::geteuid;

use super::header::Header;

/// No file is larger; memory of the host is what it takes.
pub(super) const LARGEST: u64 = 64 << 20;
/// Of the first line, and of any other.
const LONGEST: u64 = 1 << 20;

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// What the earlier daemon knew.
    pub memory: Option<(Header, Memory)>,
    /// For people: what could not be used, and why.
    pub refused: Option<String>,
}

/// Reads the file of a daemon that has ended, if there is one.
pub fn read(path: &Path, boot_id: &str) -> Found {
    match take(path, boot_id) {
        Ok((header, memory, wrong)) => Found {
            memory: Some((header, memory)),
            refused: (wrong > 0).then(|| {
                format!(
                    "{wrong} lines of {} cannot be understood: what they were about is found anew",
                    path.display()
                )
            }),
        },
        Err(Refused::Absent) => Found::default(),
        Err(Refused::Because(why)) => Found {
            memory: None,
            refused: Some(format!(
                "{} is not used: {why}; findings and incidents begin anew",
                path.display()
            )),
        },
    }
}

enum Refused {
    Absent,
    Because(String),
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::NotFound {
            Self::Absent
        } else {
            Self::Because(error.to_string())
        }
    }
}

impl From<String> for Refused {
    fn from(why: String) -> Self {
        Self::Because(why)
    }
}

fn take(path: &Path, boot_id: &str) -> Result<(Header, Memory, u64), Refused> {
    let mut options = OpenOptions::new();
    // A queue would keep whoever opens it waiting.
    let options = options
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    let file = options.open(path)?;
    check(&file)?;
    let mut lines = BufReader::new(file.take(LARGEST));
    let mut line = Vec::new();
    if !next(&mut lines, &mut line)? {
        return Err("it has no first line".to_owned().into());
    }
    let header: Header = serde_json::from_slice(&line).map_err(|error| error.to_string())?;
    header.check(boot_id)?;
    let (mut memory, mut wrong) = (Memory::default(), 0);
    while next(&mut lines, &mut line)? {
        match serde_json::from_slice(&line) {
            Ok(note) => memory.take(note),
            Err(error) => {
                tracing::debug!(%error, "a line that cannot be understood");
                wrong += 1;
            }
        }
    }
    Ok((header, memory, wrong))
}

/// The next whole line; the last one may have been cut short.
fn next(lines: &mut BufReader<io::Take<File>>, line: &mut Vec<u8>) -> Result<bool, Refused> {
    line.clear();
    lines.by_ref().take(LONGEST).read_until(b'\n', line)?;
    if line.last() == Some(&b'\n') {
        return Ok(true);
    }
    if line.len() as u64 == LONGEST {
        return Err("it has a line of more than a megabyte".to_owned().into());
    }
    Ok(false)
}

/// Whether nobody else can have written it.
fn check(file: &File) -> Result<(), Refused> {
    let about = file.metadata()?;
    let (owner, own) = (about.uid(), geteuid().as_raw());
    let why = if !about.is_file() {
        "it is not a file".to_owned()
    } else if owner != own {
        format!("it belongs to user {owner}; only what user {own} has written is trusted")
    } else if about.mode() & 0o022 != 0 {
        let mode = about.mode() & 0o7777;
        format!("it can be written to by others (mode {mode:03o})")
    } else if about.len() > LARGEST {
        format!("it has {} bytes", about.len())
    } else {
        return Ok(());
    };
    Err(why.into())
}
