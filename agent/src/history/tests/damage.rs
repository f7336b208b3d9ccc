//! What is whole is read, and what is not is told.

use super::*;

/// A history of three frames, and the bytes of its segment.
fn three(dir: &TempDir) -> (Place, PathBuf, Vec<u8>) {
    let place = place(dir);
    let (mut store, _) = Store::open(&place).unwrap();
    for first in [0, 10, 20] {
        append(&mut store, first..first + 10);
    }
    drop(store);
    let path = segments(&place).remove(0);
    let bytes = fs::read(&path).unwrap();
    (place, path, bytes)
}

/// Where each of its frames ends.
fn ends(bytes: &[u8]) -> Vec<usize> {
    let mut at = segment::HEAD;
    std::iter::from_fn(|| {
        at = crate::frame::next(bytes, at)?.unwrap().end();
        Some(at)
    })
    .collect()
}

#[test]
fn cut_anywhere_the_whole_frames_are_read_and_the_next_start_goes_on_behind_them() {
    let dir = tempfile::tempdir().unwrap();
    let (place, path, bytes) = three(&dir);
    let ends = ends(&bytes);
    for cut in 0..=bytes.len() {
        fs::write(&path, &bytes[..cut]).unwrap();
        let whole = ends.iter().filter(|end| **end <= cut).count() as u64;
        let expected: Vec<u64> = (0..whole * 10).collect();
        // The newest segment may be being written: what is torn there is no damage.
        let (seqs, damaged) = all(&place.path, Range::default());
        assert_eq!(seqs, expected, "cut at {cut}");
        assert!(damaged.is_empty(), "cut at {cut}: {damaged:?}");

        let (mut store, repaired) = Store::open(&place).unwrap();
        if cut >= segment::HEAD {
            let last = ends.iter().rfind(|end| **end <= cut);
            let last = last.copied().unwrap_or(segment::HEAD);
            assert_eq!(repaired, (cut - last) as u64);
        }
        append(&mut store, 100..110);
        drop(store);
        let (seqs, damaged) = all(&place.path, Range::default());
        let expected: Vec<u64> = expected.into_iter().chain(100..110).collect();
        assert_eq!(seqs, expected, "cut at {cut}");
        assert!(damaged.is_empty(), "cut at {cut}: {damaged:?}");
        for other in segments(&place) {
            fs::remove_file(other).unwrap();
        }
    }
}

#[test]
fn a_flipped_bit_anywhere_costs_one_frame_at_most_and_is_told_with_its_offset() {
    let dir = tempfile::tempdir().unwrap();
    let (place, path, bytes) = three(&dir);
    let ends = ends(&bytes);
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x10;
        fs::write(&path, &flipped).unwrap();
        let (seqs, damaged) = all(&place.path, Range::default());
        let hit = ends.iter().position(|end| at < *end).unwrap() as u64;
        let in_head = at < segment::HEAD;
        if in_head && (8..12).contains(&at) {
            // The version.
            assert!(seqs.is_empty());
            assert!(
                damaged[0].contains("a later finback has written it"),
                "{damaged:?}"
            );
            continue;
        }
        let left = (0..30).filter(|seq| in_head || seq / 10 != hit);
        assert_eq!(seqs, left.collect::<Vec<_>>(), "at {at}");
        let begin = match hit {
            _ if in_head => 0,
            0 => segment::HEAD,
            hit => ends[usize::try_from(hit).unwrap() - 1],
        };
        let told = damaged.concat();
        assert!(
            told.contains(&format!("bytes at {begin} ")),
            "at {at}: {told}"
        );
    }
}

#[test]
fn what_a_later_version_has_written_is_left_alone_and_said() {
    let dir = tempfile::tempdir().unwrap();
    let (place, path, mut bytes) = three(&dir);
    bytes[8] = 9;
    fs::write(&path, &bytes).unwrap();
    let (mut store, _) = Store::open(&place).unwrap();
    append(&mut store, 100..101);
    assert_eq!(fs::read(&path).unwrap(), bytes);
    let (seqs, damaged) = all(&place.path, Range::default());
    assert_eq!(seqs, [100]);
    assert!(
        damaged[0].contains("version 9 of the form, this one reads up to 1"),
        "{damaged:?}"
    );
}

#[test]
fn a_frame_that_holds_no_lines_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let place = place(&dir);
    let (mut store, _) = Store::open(&place).unwrap();
    let about = About {
        earliest: NOW,
        latest: NOW,
        entries: 1,
        run: 7,
    };
    let frame = Packer::new().unwrap().pack(b"nonsense\n", about).unwrap();
    store.append(&frame, about, NOW).unwrap();
    append(&mut store, 0..1);
    let (seqs, damaged) = all(&place.path, Range::default());
    assert_eq!(seqs, [0]);
    assert!(
        damaged[0].contains("something that is no line"),
        "{damaged:?}"
    );
}
