//! Feeds one target, which the environment names: `FINBACK_FUZZ_TARGET=filter cargo fuzz run feed`.
#![no_main]

use std::sync::LazyLock;

use finback::fuzzing::{Feed, feed};
use libfuzzer_sys::fuzz_target;

static FEED: LazyLock<Feed> = LazyLock::new(|| {
    let target = std::env::var("FINBACK_FUZZ_TARGET");
    feed(&target.expect("FINBACK_FUZZ_TARGET names the target"))
});

fuzz_target!(|bytes: &[u8]| FEED(bytes));
