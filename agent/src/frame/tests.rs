use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// All that can be read, and all damage.
fn read(bytes: &[u8]) -> (Vec<Vec<u8>>, Vec<Damage>) {
    let (mut whole, mut damaged, mut at) = (Vec::new(), Vec::new(), 0);
    while let Some(found) = next(bytes, at) {
        at = match &found {
            Ok(frame) => frame.end(),
            Err(damage) => damage.offset + damage.bytes,
        };
        match found.and_then(|frame| frame.unpack()) {
            Ok(contents) => whole.push(contents),
            Err(damage) => damaged.push(damage),
        }
    }
    (whole, damaged)
}

fn packed(all: &[Vec<u8>]) -> (Vec<u8>, Vec<usize>) {
    let mut packer = Packer::new().unwrap();
    let (mut bytes, mut ends) = (Vec::new(), Vec::new());
    for contents in all {
        bytes.extend(packer.pack(contents, About::default()).unwrap());
        ends.push(bytes.len());
    }
    (bytes, ends)
}

fn some() -> impl Strategy<Value = Vec<Vec<u8>>> {
    vec(vec(any::<u8>(), 0..200), 1..6)
}

/// Also such as begin like a frame.
fn garbage() -> impl Strategy<Value = Vec<u8>> {
    let begun = vec(any::<u8>(), 0..100).prop_map(|rest| [&MAGIC[..], &rest].concat());
    prop_oneof![vec(any::<u8>(), 0..200), begun]
}

proptest! {
    #[test]
    fn whatever_follows_whole_frames_exactly_these_are_read(all in some(), garbage in garbage()) {
        let (mut bytes, _) = packed(&all);
        let end = bytes.len();
        bytes.extend(&garbage);
        let (whole, damaged) = read(&bytes);
        prop_assert_eq!(whole, all);
        prop_assert_eq!(damaged.len(), usize::from(!garbage.is_empty()));
        if let [damage] = &damaged[..] {
            prop_assert_eq!((damage.offset, damage.bytes), (end, garbage.len()));
        }
    }

    #[test]
    fn garbage_between_frames_is_told_and_costs_none(all in some(), garbage in garbage()) {
        let (bytes, ends) = packed(&all);
        let (before, after) = bytes.split_at(ends[0]);
        let (whole, damaged) = read(&[before, &garbage, after].concat());
        prop_assert_eq!(whole, all);
        let told: usize = damaged.iter().map(|damage| damage.bytes).sum();
        prop_assert_eq!(told, garbage.len());
    }

    #[test]
    fn a_flipped_bit_costs_its_frame_and_is_told(all in some(), at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let (mut bytes, ends) = packed(&all);
        let at = at.index(bytes.len());
        bytes[at] ^= 1_u8 << bit;
        let hit = ends.iter().position(|end| at < *end).unwrap();
        let mut left = all;
        left.remove(hit);
        let (whole, damaged) = read(&bytes);
        prop_assert_eq!(whole, left);
        prop_assert_eq!(damaged.len(), 1);
    }
}

#[test]
fn cut_anywhere_all_frames_before_the_cut_are_read() {
    let all = [b"one".to_vec(), b"two".repeat(50), b"three".to_vec()];
    let (bytes, ends) = packed(&all);
    for cut in 0..=bytes.len() {
        let (whole, damaged) = read(&bytes[..cut]);
        let before = ends.iter().filter(|end| **end <= cut).count();
        assert_eq!(whole, all[..before], "cut at {cut}");
        let torn: Vec<Reason> = damaged.iter().map(|damage| damage.reason).collect();
        let clean = cut == 0 || ends.contains(&cut);
        assert_eq!(torn, if clean { vec![] } else { vec![Reason::Torn] });
    }
}

#[test]
fn what_a_frame_says_of_itself_is_kept() {
    let about = About {
        entries: 7,
        earliest: 1,
        latest: u64::MAX,
        run: 3,
    };
    let bytes = Packer::new().unwrap().pack(b"seven", about).unwrap();
    assert_eq!(next(&bytes, 0).unwrap().unwrap().about, about);
}

/// Somebody who means no good can make a head whose own checksum is right.
fn head_of_wrong_contents(stored: usize) -> Vec<u8> {
    let mut head = Head {
        magic: MAGIC,
        check: U32::ZERO,
        stored: u32::try_from(stored).unwrap().into(),
        length: U32::ZERO,
        entries: U32::ZERO,
        contents: U32::MAX_VALUE,
        earliest: U64::ZERO,
        latest: U64::ZERO,
        run: U64::ZERO,
    };
    head.check = head.sum().into();
    head.as_bytes().to_vec()
}

/// A checksum over all that follows for each of a hundred thousand heads would take minutes.
#[test]
fn heads_inside_each_other_are_summed_once() {
    const HEADS: usize = 100_000;
    let all = (0..HEADS)
        .rev()
        .map(|after| head_of_wrong_contents(after * HEAD));
    let bytes: Vec<u8> = [b"damage".to_vec()]
        .into_iter()
        .chain(all)
        .flatten()
        .collect();
    let begun = std::time::Instant::now();
    let (whole, damaged) = read(&bytes);
    assert!(begun.elapsed() < std::time::Duration::from_secs(10));
    assert_eq!(whole.len(), 0);
    assert_eq!(
        damaged.iter().map(|damage| damage.bytes).sum::<usize>(),
        bytes.len()
    );
}
