//! Programs whose files have changed under them.

use std::os::unix::fs::FileExt as _;

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use super::{Sleeper, alone, current, start, taken, unwound};

/// Offsets are taken from the whole file, from its head and from its end, where its tables are.
fn damage() -> impl Strategy<Value = Vec<(u8, u32, u8)>> {
    prop::collection::vec((0..3_u8, any::<u32>(), any::<u8>()), 1..64)
}

/// Each case starts a program and a reader. Seeds that failed are kept beside this file.
fn few() -> ProptestConfig {
    let seeds = FileFailurePersistence::WithSource("regressions");
    ProptestConfig {
        cases: 48,
        failure_persistence: Some(Box::new(seeds)),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(few())]

    /// The process itself does not notice: it sleeps in the kernel.
    #[test]
    fn a_damaged_file_harms_no_daemon(damage in damage(), cut in prop::option::of(any::<u32>())) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let _alone = alone().await;
            let sleeper = Sleeper::start();
            let file = sleeper.library();
            let length = file.metadata().unwrap().len();
            for (place, offset, byte) in damage {
                let offset = match place {
                    0 => u64::from(offset) % length,
                    1 => u64::from(offset) % 1024,
                    _ => length - 1 - u64::from(offset) % 4096,
                };
                file.write_at(&[byte], offset).unwrap();
            }
            if let Some(cut) = cut {
                file.set_len(u64::from(cut) % length).unwrap();
            }
            let mut stacks = start();
            let ip = sleeper.code() + 0x1_0000;
            let opening = unwound(&mut stacks, taken(sleeper.id(), 1, ip)).await;
            assert_eq!(opening.frames.is_empty(), opening.absence.is_some());
            current(&mut stacks, sleeper.id(), 2).await;
        });
    }
}
