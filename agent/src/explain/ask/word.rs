//! A word of the command line.

use super::number::{digits, hexadecimal, number};
use super::{Asked, Clues, Place, Reading, TEXT_MAX, row};

/// What the arguments ask for: two ends are one connection, a row that came without quotes is a row, and everything
/// else is asked one by one. The first word that cannot be read is the error.
pub fn arguments(words: &[String]) -> Result<Vec<Asked>, String> {
    if let [local, peer] = words
        && let (Some(local), Some(peer)) = (end(local), end(peer))
    {
        let text = words.join(" ");
        return Ok(vec![connection(text, vec![local, peer])]);
    }
    if let Some(asked) = row::of(&words.join(" ")).filter(|_| words.len() > 2) {
        return Ok(vec![asked]);
    }
    words.iter().map(|text| one(text)).collect()
}

fn one(text: &str) -> Result<Asked, String> {
    let text = text.trim();
    if text.len() > TEXT_MAX {
        return Err(format!("{}…", &text[..text.floor_char_boundary(40)]));
    }
    if let Some(asked) = row::of(text) {
        return Ok(asked);
    }
    let readings = readings(text);
    if readings.is_empty() {
        return Err(text.to_owned());
    }
    Ok(Asked {
        text: text.to_owned(),
        readings,
    })
}

/// An end that says something; `4711:5` is one of nobody.
fn end(text: &str) -> Option<Place> {
    let pair = text.split_once(':').is_some_and(|(pid, _)| digits(pid));
    Place::parse(text).filter(|end| !pair && end.any())
}

fn connection(text: String, ends: Vec<Place>) -> Asked {
    let clues = Clues {
        ends,
        ..Clues::default()
    };
    Asked {
        text,
        readings: vec![Reading::Connection(clues)],
    }
}

fn readings(text: &str) -> Vec<Reading> {
    if let Some(reading) = labelled(text).or_else(|| path(text)) {
        return vec![reading];
    }
    if let Some((pid, fd)) = text.split_once(':')
        && let (Some(pid), Some(fd)) = (number(pid), number(fd))
    {
        return vec![descriptor(pid, fd)];
    }
    if is_socket(text) {
        return vec![Reading::Socket(text.to_owned())];
    }
    let mut readings = Vec::new();
    if is_incident(text) {
        readings.push(Reading::Incident(text.to_owned()));
    }
    readings.extend(bare(text));
    if readings.is_empty() {
        readings.extend(end(text).map(|end| {
            Reading::Connection(Clues {
                ends: vec![end],
                ..Clues::default()
            })
        }));
    }
    readings
}

/// A bare number is a finding's, a process's or an inode's.
fn bare(text: &str) -> Vec<Reading> {
    let Some(number) = number::<u64>(text) else {
        return Vec::new();
    };
    let process = u32::try_from(number).ok().map(Reading::Process);
    let all = [Some(Reading::Finding(number)), process, Some(inode(number))];
    all.into_iter().flatten().collect()
}

/// What is said with its name.
fn labelled(text: &str) -> Option<Reading> {
    if let Some(id) = text.strip_prefix('#') {
        return number(id).map(Reading::Finding);
    }
    let (label, value) = text.split_once([':', '='])?;
    match label {
        "finding" => number(value).map(Reading::Finding),
        "incident" => is_incident(value).then(|| Reading::Incident(value.to_owned())),
        "pid" => number(value).map(Reading::Process),
        "inode" | "ino" => number(value).map(inode),
        "socket" => number(value.strip_prefix('[')?.strip_suffix(']')?).map(inode),
        "cookie" | "sk" => hexadecimal(value).map(|cookie| {
            Reading::Connection(Clues {
                cookie: Some(cookie),
                ..Clues::default()
            })
        }),
        _ => None,
    }
}

/// `/proc/PID` and `/proc/PID/fd/FD`.
fn path(text: &str) -> Option<Reading> {
    let mut parts = text
        .strip_prefix("/proc/")?
        .trim_end_matches('/')
        .split('/');
    let pid = number(parts.next()?)?;
    match (parts.next(), parts.next(), parts.next()) {
        (None | Some("fd"), None, None) => Some(Reading::Process(pid)),
        (Some("fd"), Some(fd), None) => number(fd).map(|fd| descriptor(pid, fd)),
        _ => None,
    }
}

fn inode(inode: u64) -> Reading {
    Reading::Connection(Clues {
        inode: Some(inode),
        ..Clues::default()
    })
}

fn descriptor(pid: u32, fd: u32) -> Reading {
    Reading::Connection(Clues {
        holders: vec![(pid, fd)],
        ..Clues::default()
    })
}

fn is_incident(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// As this program writes it: moment of birth, hyphen, four digits.
fn is_socket(text: &str) -> bool {
    let hex = |text: &str| {
        text.bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    text.split_once('-').is_some_and(|(birth, tag)| {
        matches!(birth.len(), 1..=16) && tag.len() == 4 && hex(birth) && hex(tag)
    })
}
