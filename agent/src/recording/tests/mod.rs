mod world;

use std::time::Duration;

use self::world::recorded;
use super::*;
use crate::frame;
use crate::output::json;
use crate::output::select::{Kind, Selection};

/// All lines but the greeting, and where it is damaged.
fn replayed(bytes: &[u8], select: Selection) -> Result<(Vec<u8>, Option<Broken>), Error> {
    let (beginning, entries) = open(bytes)?;
    let mut player = Player::new(beginning, select);
    let mut lines = Vec::new();
    for entry in entries {
        match entry {
            Ok(entry) => player.take(entry, &mut |event| {
                json::write_line(event, &mut lines).unwrap();
            }),
            Err(broken) => return Ok((lines, Some(broken))),
        }
    }
    Ok((lines, None))
}

fn everything() -> Selection {
    Selection::stream()
}

#[test]
fn what_was_recorded_is_told_again_to_the_byte() {
    let (bytes, lines, progress) = recorded(u64::MAX);
    let text = String::from_utf8(lines).unwrap();
    for kind in ["transition", "finding", "incident", "lost"] {
        let kind = format!("\"type\":\"{kind}\"");
        assert!(text.contains(&kind), "{kind} in {text}");
    }
    assert!(text.contains("/bin/leaker"), "{text}");
    let told = replayed(&bytes, everything()).unwrap();
    assert_eq!(String::from_utf8(told.0).unwrap(), text);
    assert_eq!(told.1, None);
    let so_far = progress.so_far();
    assert_eq!(so_far.bytes, bytes.len() as u64);
    assert_eq!(so_far.duration(), Duration::from_secs(22));
    assert_eq!(so_far.end, Some(Ok(Ending::Asked)));
}

#[test]
fn what_is_not_selected_leaves_the_numbers_of_the_rest() {
    let (bytes, lines, _) = recorded(u64::MAX);
    let (told, _) = replayed(&bytes, Selection::of([Kind::Finding])).unwrap();
    let findings = |line: &&[u8]| memchr::memmem::find(line, b"\"type\":\"finding\"").is_some();
    let lines = lines.split_inclusive(|byte| *byte == b'\n');
    let lines: Vec<_> = lines.filter(findings).flatten().copied().collect();
    assert!(!told.is_empty());
    assert_eq!(told, lines);
}

/// Where frames begin, and where the last one ends.
fn bounds(bytes: &[u8]) -> Vec<usize> {
    let mut all = vec![0];
    while let Some(frame) = frame::next(bytes, *all.last().unwrap()) {
        all.push(frame.unwrap().end());
    }
    all
}

#[test]
fn wherever_it_is_cut_what_comes_before_is_told_and_the_place_is_named() {
    let (bytes, lines, _) = recorded(u64::MAX);
    let bounds = bounds(&bytes);
    for cut in 0..bytes.len() {
        let begun = bounds.iter().rfind(|bound| **bound <= cut).unwrap();
        match replayed(&bytes[..cut], everything()) {
            Ok((told, broken)) => {
                assert!(lines.starts_with(&told), "{cut}");
                assert_eq!(broken.unwrap().offset, *begun, "{cut}");
            }
            Err(Error::Broken(broken)) => assert_eq!(broken.offset, 0, "{cut}"),
            Err(error) => assert_eq!((cut, error), (0, Error::NoRecording)),
        }
    }
}

#[test]
fn after_damage_nothing_is_told() {
    let (bytes, lines, _) = recorded(u64::MAX);
    let bounds = bounds(&bytes);
    let middle = bounds[2];
    let mut damaged = bytes;
    damaged[middle + frame::HEAD] ^= 1;
    let (told, broken) = replayed(&damaged, everything()).unwrap();
    assert_eq!(broken.unwrap().offset, middle);
    assert!(lines.starts_with(&told) && told.len() < lines.len());
}

#[test]
fn a_recording_ends_before_it_is_too_large_and_is_whole() {
    let (bytes, lines, _) = recorded(u64::MAX);
    let max = bytes.len() as u64 / 2;
    let (short, _, progress) = recorded(max);
    assert!(short.len() as u64 <= max);
    assert_eq!(progress.so_far().end, Some(Ok(Ending::Full)));
    let (told, broken) = replayed(&short, everything()).unwrap();
    assert_eq!(broken, None);
    assert!(lines.starts_with(&told) && told.len() < lines.len());
}

#[test]
fn another_file_and_another_format_are_refused() {
    let refused = |bytes: &[u8]| open(bytes).map(|_| ()).unwrap_err();
    assert!(matches!(refused(b"{\"schema\":1}\n"), Error::Broken(_)));
    let packed = |contents: &[u8]| {
        let mut packer = frame::Packer::new().unwrap();
        packer.pack(contents, frame::About::default()).unwrap()
    };
    assert_eq!(refused(&packed(b"something")), Error::NoRecording);
    let other = (*b"fb-tape\0", 4_000_000_u32, "9.1.0");
    let other = packed(&postcard::to_allocvec(&other).unwrap());
    let refused = refused(&other);
    assert_eq!(refused, Error::Version("9.1.0".into()));
    assert!(refused.to_string().contains("finback 9.1.0"), "{refused}");
}

/// If this fails because something is written in another way: `FORMAT` is to be another one, and then this sum.
#[test]
fn what_is_written_is_what_the_format_says() {
    let (bytes, ..) = recorded(u64::MAX);
    let mut contents = Vec::new();
    let mut at = 0;
    while let Some(frame) = frame::next(&bytes, at) {
        let frame = frame.unwrap();
        at = frame.end();
        contents.extend(frame.unpack().unwrap());
    }
    assert_eq!(crc32fast::hash(&contents), 999_602_884);
}

/// Of the beginning, and of all that follows it, what the fuzzer begins with. With `BLESS=1` they are written anew.
#[test]
fn the_seeds_of_the_fuzzer_are_in_the_form_that_is_written() {
    let (bytes, _, _) = recorded(u64::MAX);
    let (mut all, mut at) = (Vec::new(), 0);
    while let Some(frame) = frame::next(&bytes, at) {
        let frame = frame.unwrap();
        all.push(frame.unpack().unwrap());
        at = frame.end();
    }
    let header = postcard::to_allocvec(&entry::Header::own()).unwrap();
    let beginning = all.remove(0).split_off(header.len());
    for (name, kind, rest) in [("beginning", 1, beginning), ("entries", 2, all.concat())] {
        let expected = [vec![kind], rest].concat();
        let path = crate::checked_in::path(&format!("agent/fuzz/seeds/recording/{name}"));
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, &expected).unwrap();
        }
        let found = std::fs::read(&path).unwrap_or_default();
        assert!(
            found == expected,
            "{name} is out of date: run this test with BLESS=1"
        );
    }
}
