//! What is written is read, whatever happens between.

mod bound;
mod damage;
mod keeping;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::store::Store;
use super::*;
use crate::frame::{About, Packer};
use crate::output::clock::Time;

const SECOND: u64 = 1_000_000_000;

/// 2026-11-22 13:25:44 UTC.
const NOW: u64 = 1_795_353_944 * SECOND;

/// A folder that is not there yet.
fn place(dir: &TempDir) -> Place {
    Place {
        path: dir.path().join("history"),
        max_bytes: 1 << 20,
        max_age: Duration::from_hours(1),
    }
}

fn line(seq: u64, time: u64) -> String {
    let time = Time::from_unix_nanos(time);
    format!("{{\"schema\":1,\"seq\":{seq},\"time\":\"{time}\",\"type\":\"finding\"}}\n")
}

/// A frame with one line for each number, a second apart.
fn frame(seqs: std::ops::Range<u64>) -> (Vec<u8>, About) {
    let at = |seq| NOW + seq * SECOND;
    let lines: String = seqs.clone().map(|seq| line(seq, at(seq))).collect();
    let about = About {
        entries: u32::try_from(seqs.end - seqs.start).unwrap(),
        earliest: at(seqs.start),
        latest: at(seqs.end - 1),
        run: 7,
    };
    let frame = Packer::new().unwrap().pack(lines.as_bytes(), about);
    (frame.unwrap(), about)
}

fn append(store: &mut Store, seqs: std::ops::Range<u64>) {
    let (frame, about) = frame(seqs);
    store.append(&frame, about, about.latest).unwrap();
}

/// The numbers of all lines, and what is damaged.
fn all(path: &Path, range: Range) -> (Vec<u64>, Vec<String>) {
    let (mut seqs, mut damaged) = (Vec::new(), Vec::new());
    for item in read(path, range, Box::new(|_| true)).unwrap() {
        match item {
            Ok(line) => seqs.push(line.seq),
            Err(damage) => damaged.push(damage.to_string()),
        }
    }
    (seqs, damaged)
}

fn segments(place: &Place) -> Vec<PathBuf> {
    let names = fs::read_dir(&place.path).unwrap();
    let names = names.map(|entry| entry.unwrap().path());
    let mut names: Vec<_> = names
        .filter(|path| path.extension().is_some_and(|e| e == "history"))
        .collect();
    names.sort();
    names
}

fn seconds(since: Option<u64>, until: Option<u64>, last: Option<usize>) -> Range {
    let at = |second| Time::from_unix_nanos(NOW + second * SECOND);
    Range {
        since: since.map(at),
        until: until.map(at),
        last,
    }
}

#[test]
fn a_range_has_its_lines_and_no_others() {
    let dir = tempfile::tempdir().unwrap();
    let place = place(&dir);
    let (mut store, _) = Store::open(&place).unwrap();
    for first in (0..1_000).step_by(10) {
        append(&mut store, first..first + 10);
    }
    for (range, expected) in [
        (seconds(None, None, None), 0..1_000),
        (seconds(Some(995), None, None), 995..1_000),
        (seconds(Some(17), Some(23), None), 17..24),
        (seconds(None, Some(4), None), 0..5),
        (seconds(None, None, Some(3)), 997..1_000),
        (seconds(None, Some(500), Some(13)), 488..501),
        (seconds(Some(990), None, Some(100)), 990..1_000),
        (seconds(Some(2_000), None, None), 0..0),
    ] {
        let (seqs, damaged) = all(&place.path, range);
        assert_eq!(seqs, expected.collect::<Vec<_>>(), "{range:?}");
        assert!(damaged.is_empty(), "{damaged:?}");
    }
}

#[test]
fn only_wanted_lines_count_for_the_last_ones() {
    let dir = tempfile::tempdir().unwrap();
    let place = place(&dir);
    let (mut store, _) = Store::open(&place).unwrap();
    append(&mut store, 0..100);
    let wanted = Box::new(|line: &Line| line.seq.is_multiple_of(10));
    let range = seconds(None, None, Some(2));
    let found = read(&place.path, range, wanted).unwrap();
    let found: Vec<u64> = found.map(|line| line.unwrap().seq).collect();
    assert_eq!(found, [80, 90]);
}

#[test]
fn a_second_start_goes_on_where_the_first_ended() {
    let dir = tempfile::tempdir().unwrap();
    let place = place(&dir);
    for start in 0..5 {
        let (mut store, repaired) = Store::open(&place).unwrap();
        assert_eq!(repaired, 0);
        append(&mut store, start * 10..start * 10 + 10);
    }
    assert_eq!(
        all(&place.path, Range::default()).0,
        (0..50).collect::<Vec<_>>()
    );
    assert_eq!(segments(&place).len(), 1);
}

#[test]
fn two_daemons_cannot_share_it() {
    let dir = tempfile::tempdir().unwrap();
    let place = place(&dir);
    let first = Store::open(&place).unwrap();
    let refused = Store::open(&place).unwrap_err();
    assert!(!refused.may_pass());
    assert!(
        refused.to_string().contains("another finback writes it"),
        "{refused}"
    );
    drop(first);
    Store::open(&place).unwrap();
}

#[test]
fn nobody_else_may_look_into_it() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    let dir = tempfile::tempdir().unwrap();
    let place = place(&dir);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let (mut store, _) = Store::open(&place).unwrap();
    append(&mut store, 0..1);
    drop(store);
    assert_eq!(mode(&place.path), 0o700);
    assert_eq!(mode(&segments(&place)[0]), 0o600);
    assert_eq!(mode(&place.path.join("lock")), 0o600);

    let open = fs::Permissions::from_mode(0o755);
    fs::set_permissions(&place.path, open).unwrap();
    let refused = Store::open(&place).unwrap_err().to_string();
    assert!(refused.contains("mode 755"), "{refused}");

    let link = Place {
        path: dir.path().join("link"),
        ..place
    };
    symlink(dir.path().join("history"), &link.path).unwrap();
    let refused = Store::open(&link).unwrap_err().to_string();
    assert!(refused.contains("it is a symbolic link"), "{refused}");

    let file = Place {
        path: dir.path().join("file"),
        ..link
    };
    fs::write(&file.path, "precious").unwrap();
    let refused = Store::open(&file).unwrap_err().to_string();
    assert!(refused.contains("it is no folder"), "{refused}");
    assert_eq!(fs::read_to_string(&file.path).unwrap(), "precious");
}

#[test]
fn what_belongs_to_another_user_is_refused() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let place = place(&dir);
    let (mut store, _) = Store::open(&place).unwrap();
    append(&mut store, 0..1);
    drop(store);
    let give = |path: &Path, user| std::os::unix::fs::chown(path, Some(user), None).unwrap();
    give(&segments(&place)[0], 65_534);
    let refused = Store::open(&place).unwrap_err().to_string();
    assert!(refused.contains("belongs to user 65534"), "{refused}");
    let (seqs, damaged) = all(&place.path, Range::default());
    assert!(seqs.is_empty());
    assert!(damaged[0].contains("belongs to user 65534"), "{damaged:?}");
    give(&place.path, 65_534);
    let refused = read(&place.path, Range::default(), Box::new(|_| true)).unwrap_err();
    assert!(
        refused.to_string().contains("choose another folder"),
        "{refused}"
    );
}

#[test]
fn where_there_is_none_that_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let none = read(&dir.path().join("x"), Range::default(), Box::new(|_| true));
    assert!(matches!(none.unwrap_err(), Error::None(_)));
}
