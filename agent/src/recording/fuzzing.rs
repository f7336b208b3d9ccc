//! A recording with anything in it: see [`crate::fuzzing`].

use super::entry::Header;
use super::{Beginning, Player, open};
use crate::frame::{About, Packer};
use crate::output::json::{self, Hello};
use crate::output::select::Selection;
use finback_core::settings::Settings;

/// The bytes themselves, the beginning, or what follows a beginning, by the first one.
pub(crate) fn recording(bytes: &[u8]) {
    let Some((kind, rest)) = bytes.split_first() else {
        return;
    };
    match kind % 3 {
        0 => play(rest),
        1 => {
            let header = postcard::to_allocvec(&Header::own()).expect("memory");
            play(&framed(&[&[header, rest.to_vec()].concat()]));
        }
        _ => {
            let begin = postcard::to_allocvec(&(Header::own(), beginning())).expect("memory");
            play(&framed(&[&begin, rest]));
        }
    }
}

fn framed(parts: &[&[u8]]) -> Vec<u8> {
    let mut packer = Packer::new().expect("memory");
    let frames = parts
        .iter()
        .map(|part| packer.pack(part, About::default()).expect("memory"));
    frames.flatten().collect()
}

fn beginning() -> Beginning {
    Beginning {
        settings: Settings::default(),
        hello: Hello {
            version: "0".into(),
            host: "h".into(),
            kernel: "k".into(),
            boot_id: "b".into(),
            signals: [].into(),
            next_seq: 1,
        },
        boot: 1,
    }
}

/// Whatever was recorded, what is told of it is lines.
fn play(bytes: &[u8]) {
    let Ok((beginning, entries)) = open(bytes) else {
        return;
    };
    let mut player = Player::new(beginning, Selection::stream());
    let mut text = Vec::new();
    for entry in entries.map_while(Result::ok) {
        player.take(entry, &mut |event| {
            json::write_line(event, &mut text).expect("memory");
        });
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let (feed, line) = line.split_last().expect("a line");
            assert!(*feed == b'\n' && !line.iter().any(|byte| *byte < b' '));
            serde_json::from_slice::<serde_json::Value>(line).expect("JSON");
        }
        text.clear();
    }
}
