//! A history with anything in its files: see [`crate::fuzzing`].

use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use zerocopy::IntoBytes as _;

use super::segment::{self, Head};
use super::{Damage, Latest, Line, Range, read};
use crate::frame::{self, About, Packer};

/// Lines with different moments may be in frames that say so.
const ABOUT: About = About {
    entries: 1,
    earliest: 0,
    latest: u64::MAX,
    run: 7,
};

/// Frames of these bytes, as a file has them: what can be read and what cannot is all of it, each byte once.
pub(crate) fn frames(bytes: &[u8]) {
    let mut at = 0;
    while let Some(found) = frame::next(bytes, at) {
        let (begin, end) = match &found {
            Ok(frame) => (frame.offset, frame.end()),
            Err(damage) => (damage.offset, damage.offset + damage.bytes),
        };
        assert_eq!(begin, at);
        assert!(end > at && end <= bytes.len());
        at = end;
        if let Ok(contents) = found.and_then(|frame| frame.unpack()) {
            assert!(contents.len() <= frame::MAX_BYTES);
        }
    }
    assert_eq!(at, bytes.len());
}

/// As one segment: the bytes themselves, or a whole frame of them, by the first one.
pub(crate) fn history(bytes: &[u8]) {
    let Some((kind, rest)) = bytes.split_first() else {
        return;
    };
    let mut segment = Vec::new();
    if kind % 4 != 0 {
        segment.extend_from_slice(Head::new(0).as_bytes());
    }
    let half = rest.len() / 2;
    let pack = |bytes| Packer::new()?.pack(bytes, ABOUT);
    let parts = match kind % 4 {
        0 | 1 => vec![rest.to_vec()],
        2 => vec![pack(rest).expect("memory")],
        _ => vec![
            pack(&rest[..half]).expect("memory"),
            pack(&rest[half..]).expect("memory"),
        ],
    };
    segment.extend(parts.concat());
    let (all, last) = FOLDER.with(|Folder(folder)| {
        fs::write(folder.join(segment::name(1)), &segment).expect("a file");
        let last = Range {
            last: Some(3),
            ..Range::default()
        };
        (lines(folder, Range::default()), lines(folder, last))
    });
    let whole: Vec<&Line> = all.iter().flatten().collect();
    let ends: Vec<&Line> = last.iter().flatten().collect();
    assert!(whole.ends_with(&ends) && ends.len() == whole.len().min(3));
    let mut latest = Latest::default();
    for line in whole {
        latest.add(&line.text);
        drop(line.event());
    }
    assert!(latest.bytes() <= rest.len() + 1);
}

fn lines(folder: &Path, range: Range) -> Vec<Result<Line, Damage>> {
    let reader = read(folder, range, Box::new(|_| true));
    reader.expect("a folder of our own").collect()
}

/// One for this thread, gone with it.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

thread_local! {
    static FOLDER: Folder = {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("finback-history-{}-{count}", process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).expect("a folder");
        Folder(folder)
    };
}
