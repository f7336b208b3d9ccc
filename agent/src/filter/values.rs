//! From a word's text to what it is compared with.

use super::end::{End, port_number};
use super::expression::Values;
use super::pattern::Pattern;
use super::words::{Kind, Name, Word};
use crate::value::duration;

/// What one text stands for as a value of this word; errors are sentences that say what is accepted.
pub(super) fn read(word: &Word, text: &str) -> Result<Values, String> {
    Ok(match word.kind {
        Kind::Word(vocabulary) => Values::Words(vocabulary.read(text)?),
        Kind::Number => Values::Numbers(vec![number(word.name, text)?]),
        Kind::Bytes => Values::Numbers(vec![bytes(text)?]),
        Kind::Age => Values::Numbers(vec![nanos(text)?]),
        Kind::Port => {
            let port = port_number(text.strip_prefix(':').unwrap_or(text))?;
            Values::Numbers(vec![port.into()])
        }
        Kind::End => Values::Ends(vec![End::read(text)?]),
        Kind::Address => Values::Ends(vec![address(word, text)?]),
        Kind::Text | Kind::LongText => Values::Patterns(vec![Pattern::new(text)]),
    })
}

/// Both lists as one; `read` gives the same kind for the same word.
pub(super) fn join(list: &mut Values, more: Values) {
    match (list, more) {
        (Values::Words(list), Values::Words(more)) => *list = list.union(more),
        (Values::Numbers(list), Values::Numbers(more)) => list.extend(more),
        (Values::Ends(list), Values::Ends(more)) => list.extend(more),
        (Values::Patterns(list), Values::Patterns(more)) => list.extend(more),
        _ => {}
    }
}

/// A number as it is, in hexadecimal after `0x`, or as another tool shows it.
fn number(name: Name, text: &str) -> Result<u64, String> {
    if let Some(hex) = hexadecimal(name, text) {
        let number = u64::from_str_radix(hex, 16).ok();
        return number.ok_or_else(|| "use a number in hexadecimal".to_owned());
    }
    if name == Name::User {
        let number = if text == "root" {
            Some(0)
        } else {
            text.parse().ok()
        };
        return number
            .ok_or_else(|| format!("use the number of the user, which `id -u {text}` tells"));
    }
    let number = pasted(name, text).unwrap_or(text).parse().ok();
    number.ok_or_else(|| "use a whole number".to_owned())
}

/// What follows `0x`, or `sk:` as `ss -e` shows a cookie.
fn hexadecimal(name: Name, text: &str) -> Option<&str> {
    let cookie = text.strip_prefix("sk:").filter(|_| name == Name::Cookie);
    cookie.or_else(|| text.strip_prefix("0x"))
}

/// The number in a link's text, as `ls -l` shows it.
fn pasted(name: Name, text: &str) -> Option<&str> {
    let links = [(Name::Inode, "socket:["), (Name::Netns, "net:[")];
    let (_, before) = links.iter().find(|(link, _)| *link == name)?;
    text.strip_prefix(before)?.strip_suffix(']')
}

/// Units of bytes. Those that end in `iB` count in 1024s.
const BYTES: [(&str, u64); 9] = [
    ("", 1),
    ("k", 1000),
    ("kB", 1000),
    ("K", 1000),
    ("M", 1_000_000),
    ("G", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

fn bytes(text: &str) -> Result<u64, String> {
    let split = text.find(|c: char| !c.is_ascii_digit());
    let (digits, unit) = text.split_at(split.unwrap_or(text.len()));
    let number: Option<u64> = digits.parse().ok();
    let factor = BYTES.iter().find(|(known, _)| *known == unit);
    let product = number
        .zip(factor)
        .and_then(|(number, (_, factor))| number.checked_mul(*factor));
    product.ok_or_else(|| {
        "use a whole number, with k, M or G (of 1000) or KiB, MiB or GiB (of 1024) after it if you like, for example 64KiB"
            .to_owned()
    })
}

fn nanos(text: &str) -> Result<u64, String> {
    let nanos = u64::try_from(duration(text)?.as_nanos()).ok();
    nanos.ok_or_else(|| "use a duration of less than 500 years".to_owned())
}

fn address(word: &Word, text: &str) -> Result<End, String> {
    let end = End::read(text)?;
    match (word.name, end.port) {
        (_, None) => Ok(end),
        (Name::Local, Some(_)) => Err(format!("this word has no port: use `src {end}`")),
        (_, Some(_)) => Err(format!("this word has no port: use `dst {end}`")),
    }
}
