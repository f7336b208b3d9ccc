//! Every committed seed goes where a fuzzer's inputs go.

use std::fs;
use std::time::{Duration, Instant};

use super::*;
use crate::checked_in::path;

/// Nothing that fits into a seed takes so long, not even in a build without optimisation on a busy machine.
const LONG: Duration = Duration::from_secs(10);

fn each(name: &str, take: &mut dyn FnMut(&str, &[u8])) -> usize {
    let folder = path(&format!("agent/fuzz/seeds/{name}"));
    let mut seeds: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    seeds.sort();
    for seed in &seeds {
        take(&seed.display().to_string(), &fs::read(seed).unwrap());
    }
    seeds.len()
}

#[test]
fn every_seed_is_fed_to_its_target_and_no_fault_is_found() {
    for (name, feed) in TARGETS {
        let seeds = each(name, &mut |seed, bytes| {
            // Shown if it panics.
            println!("{seed}");
            let start = Instant::now();
            feed(bytes);
            assert!(start.elapsed() < LONG, "{seed} takes too long");
        });
        assert!(seeds >= 2, "{name} has {seeds} seeds");
    }
}

/// What a fuzzer does first.
#[test]
fn every_target_takes_nothing_a_cut_seed_and_a_changed_one() {
    for (name, feed) in TARGETS {
        feed(&[]);
        each(name, &mut |seed, bytes| {
            println!("{seed}");
            feed(&bytes[..bytes.len() / 2]);
            let mut changed = bytes.to_vec();
            if let Some(byte) = changed.get_mut(bytes.len() / 3) {
                *byte ^= 0xff;
            }
            feed(&changed);
        });
    }
}

#[test]
fn every_target_has_a_folder_of_seeds_and_every_folder_a_target() {
    let folders = fs::read_dir(path("agent/fuzz/seeds")).unwrap();
    let names = folders.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    let targets: Vec<_> = TARGETS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, targets, "in the order of their names");
}
