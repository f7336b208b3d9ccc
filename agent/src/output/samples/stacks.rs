//! Where the samples' process was.

use std::sync::Arc;
use std::time::Duration;

use super::NOW;
use crate::process::stack::model::{Absence, Frame, Kind, Name, Place, Reason, Stack};

/// Where the samples' process was.
pub(crate) fn stacks() -> &'static [Stack] {
    static STACKS: std::sync::LazyLock<[Stack; 2]> = std::sync::LazyLock::new(|| {
        let stack = |kind, thread, time| Stack {
            kind,
            pid: 4711,
            thread,
            thread_name: "worker".into(),
            time,
            syscall: None,
            truncated: false,
            absence: None,
            frames: Vec::new(),
        };
        let accepted = Stack {
            frames: vec![
                frame(0x7f5e_2010_afa8, "accept4", None, false),
                frame(0x55d0_c0a0_31f4, "take_one", Some(("src/shop.c", 42)), true),
                frame(0x55d0_c0a0_31f4, "serve", Some(("src/shop.c", 61)), false),
                stripped(0x7f5e_3000_1d20),
            ],
            truncated: true,
            ..stack(Kind::Accept, 4713, NOW - Duration::from_secs(2))
        };
        let now = Stack {
            syscall: Some("epoll_wait".into()),
            absence: Some(Absence::Moved),
            ..stack(Kind::Current, 4713, NOW + Duration::from_secs(10))
        };
        [accepted, now]
    });
    &*STACKS
}

fn frame(address: u64, function: &str, source: Option<(&str, u32)>, inlined: bool) -> Frame {
    let (module, build_id) = if source.is_some() {
        ("/usr/bin/shop", "0a6b4c1f3d5e7a9b8c0d2e4f6a8b0c1d2e3f4a5b")
    } else {
        (
            "/usr/lib/x86_64-linux-gnu/libc.so.6",
            "58749c528985eab03e6700ebc1469fa50aa41219",
        )
    };
    Frame {
        address,
        module: Some(module.into()),
        build_id: Some(build_id.into()),
        offset: Some(address & 0xf_ffff),
        name: Name::Known(Arc::new(Place {
            function: function.into(),
            file: source.map(|(file, _)| file.into()),
            line: source.map(|(_, line)| line),
            inlined,
        })),
    }
}

fn stripped(address: u64) -> Frame {
    Frame {
        address,
        module: Some("/opt/vendor/libpool.so".into()),
        build_id: None,
        offset: Some(address & 0xffff),
        name: Name::Unknown(Reason::NoSymbols),
    }
}
