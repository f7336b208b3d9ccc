use std::fs::{self, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use finback_core::engine::Engine;
use finback_core::memory::Note;
use finback_core::model::time::Timestamp;
use finback_core::settings::Settings;

use super::*;

fn alive(at: u64) -> Note {
    Engine::new(Settings::default()).alive(Timestamp::from_nanos(at))
}

fn header() -> Header {
    Header::own("boot", Timestamp::from_nanos(7))
}

/// A file of a daemon that was alive at these moments.
fn written(dir: &Path, moments: &[u64]) -> PathBuf {
    let path = dir.join("s.state");
    let mut journal = Journal::begin(path.clone(), header(), std::iter::empty(), None);
    for moment in moments {
        journal.add(std::iter::once(alive(*moment)));
    }
    path
}

fn refusal(path: &Path, boot: &str) -> String {
    let found = read(path, boot);
    assert!(found.memory.is_none(), "{found:?}");
    found.refused.unwrap()
}

#[test]
fn what_is_written_is_read_again_by_the_same_boot_only() {
    let dir = tempfile::tempdir().unwrap();
    let path = written(dir.path(), &[1, 2, 3]);
    let found = read(&path, "boot");
    assert_eq!(found.refused, None);
    let (header, memory) = found.memory.unwrap();
    assert_eq!(header.watching_since, Timestamp::from_nanos(7));
    assert_eq!(memory.alive(), Timestamp::from_nanos(3));
    assert!(refusal(&path, "other").contains("before the host was booted"));
    let absent = read(&dir.path().join("absent"), "boot");
    assert!(absent.memory.is_none() && absent.refused.is_none());
}

#[test]
fn at_whatever_byte_it_was_cut_it_is_what_it_was_a_line_before() {
    let dir = tempfile::tempdir().unwrap();
    let path = written(dir.path(), &[1, 2, 3]);
    let text = fs::read(&path).unwrap();
    let ends: Vec<usize> = (0..text.len()).filter(|at| text[*at] == b'\n').collect();
    for cut in ends[0] + 1..text.len() {
        fs::write(&path, &text[..cut]).unwrap();
        let found = read(&path, "boot");
        let whole = ends.iter().filter(|end| **end < cut).count() - 1;
        let (_, memory) = found.memory.unwrap();
        assert_eq!(
            memory.alive(),
            Timestamp::from_nanos(whole as u64),
            "cut at {cut}"
        );
        assert_eq!(found.refused, None, "cut at {cut}");
    }
}

#[test]
fn a_line_that_cannot_be_understood_costs_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let path = written(dir.path(), &[1]);
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    let strange = [
        &b"{\"Dream\":{}}\n"[..],
        b"\xff\x00\n",
        b"\n",
        b"{\"Over\":18446744073709551615}\n",
    ];
    for line in strange {
        file.write_all(line).unwrap();
    }
    let mut last = serde_json::to_vec(&alive(9)).unwrap();
    last.push(b'\n');
    file.write_all(&last).unwrap();
    let found = read(&path, "boot");
    let (_, memory) = found.memory.unwrap();
    assert_eq!(memory.alive(), Timestamp::from_nanos(9));
    assert!(found.refused.unwrap().starts_with("3 lines of"));
}

#[test]
fn what_others_could_have_written_is_refused_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let path = written(dir.path(), &[1]);
    fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
    assert!(refusal(&path, "boot").contains("written to by others (mode 666)"));
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    let link = dir.path().join("link");
    symlink(&path, &link).unwrap();
    assert!(refusal(&link, "boot").contains("is not used"));
    assert!(refusal(dir.path(), "boot").contains("not a file"));
    for (text, word) in [
        ("", "no first line"),
        ("{}\n", "missing field"),
        ("not json\n", "expected"),
        (
            "{\"finback\":\"x\",\"format\":1,\"version\":\"\",\"boot_id\":\"boot\",\"watching_since\":1}\n",
            "not finback's",
        ),
        (
            "{\"finback\":\"memory\",\"format\":9,\"version\":\"7.0\",\"boot_id\":\"boot\",\"watching_since\":1}\n",
            "finback 7.0 has written it in another way",
        ),
    ] {
        fs::write(&path, text).unwrap();
        let refused = refusal(&path, "boot");
        assert!(refused.contains(word), "{refused}");
    }
    fs::write(&path, vec![b'x'; 2 << 20]).unwrap();
    assert!(refusal(&path, "boot").contains("more than a megabyte"));
}

#[test]
fn it_grows_only_to_a_few_times_what_there_is_to_know() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.state");
    let mut journal = Journal::begin(path.clone(), header(), std::iter::empty(), None);
    let (mut largest, mut anew) = (0, 0);
    for moment in 0..40_000 {
        journal.add(std::iter::once(alive(moment)));
        largest = largest.max(journal.state().bytes);
        if journal.wants_all() {
            anew += 1;
            journal.anew(std::iter::once(alive(moment)));
        }
    }
    assert!(
        largest < 2 << 20 && anew >= 2,
        "{largest}, {anew} times anew"
    );
    assert_eq!(fs::metadata(&path).unwrap().len(), journal.state().bytes);
    let (_, memory) = read(&path, "boot").memory.unwrap();
    assert_eq!(memory.alive(), Timestamp::from_nanos(39_999));
}

#[test]
fn a_folder_that_is_gone_is_told_once_and_written_to_when_it_is_back() {
    let dir = tempfile::tempdir().unwrap();
    let below = dir.path().join("below");
    fs::create_dir(&below).unwrap();
    let path = below.join("s.state");
    let mut journal = Journal::begin(path.clone(), header(), std::iter::empty(), None);
    fs::remove_dir_all(&below).unwrap();
    journal.anew(std::iter::once(alive(1)));
    assert!(journal.state().error.is_some() && journal.wants_all());
    journal.add(std::iter::once(alive(2)));
    assert!(journal.state().error.is_some());
    fs::create_dir(&below).unwrap();
    journal.anew(std::iter::once(alive(3)));
    assert_eq!(journal.state().error, None);
    assert!(read(&path, "boot").memory.is_some());
}

#[test]
fn what_has_no_room_is_counted_and_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.state");
    let many = 200_000;
    let mut journal = Journal::begin(path.clone(), header(), (0..many).map(alive), None);
    let State {
        bytes, left_out, ..
    } = journal.state();
    assert_eq!(fs::metadata(&path).unwrap().len(), bytes);
    assert!((16 << 20..17 << 20).contains(&bytes), "{bytes}");
    assert!(left_out > 0);
    let (_, memory) = read(&path, "boot").memory.unwrap();
    assert_eq!(memory.alive().as_nanos(), many - left_out as u64 - 1);
    // It grows to half as much more before it is written anew, and is not larger than what is read.
    while !journal.wants_all() {
        journal.add((0..1_000).map(alive));
    }
    assert!(journal.state().bytes < 25 << 20, "{:?}", journal.state());
    journal.anew(std::iter::once(alive(1)));
    assert_eq!(journal.state().left_out, 0);
}
