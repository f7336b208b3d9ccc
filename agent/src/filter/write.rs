//! From what a filter says to canonical text, which says the same.

use std::fmt::{self, Display, Formatter, Write as _};

use super::expression::{Expression, Test, Values};
use super::token::is_word;
use super::words::Kind;

impl Display for Expression {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(parts) => connected(parts, " and ", f),
            Self::Any(parts) => connected(parts, " or ", f),
            Self::Not(inner) => {
                f.write_str("not ")?;
                part(inner, f)
            }
            Self::Test(test) => test.fmt(f),
        }
    }
}

fn connected(parts: &[Expression], between: &str, f: &mut Formatter<'_>) -> fmt::Result {
    let mut before = "";
    for one in parts {
        f.write_str(before)?;
        part(one, f)?;
        before = between;
    }
    Ok(())
}

fn part(inner: &Expression, f: &mut Formatter<'_>) -> fmt::Result {
    match inner {
        Expression::All(_) | Expression::Any(_) => write!(f, "({inner})"),
        Expression::Not(_) | Expression::Test(_) => inner.fmt(f),
    }
}

impl Display for Test {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let word = self.name.word();
        write!(f, "{} {} ", word.canonical(), self.operator)?;
        match (&self.values, word.kind) {
            (Values::Words(words), Kind::Word(vocabulary)) => vocabulary.write(*words, f),
            (Values::Words(_), _) => Ok(()),
            (Values::Numbers(list), Kind::Age) => listed(list, f, |nanos, f| age(*nanos, f)),
            (Values::Numbers(list), Kind::Port) => listed(list, f, |port, f| write!(f, ":{port}")),
            (Values::Numbers(list), _) => listed(list, f, Display::fmt),
            (Values::Ends(list), _) => listed(list, f, Display::fmt),
            (Values::Patterns(list), _) => listed(list, f, |pattern, f| text(pattern.as_str(), f)),
        }
    }
}

fn listed<T>(
    list: &[T],
    f: &mut Formatter<'_>,
    write: impl Fn(&T, &mut Formatter<'_>) -> fmt::Result,
) -> fmt::Result {
    for (place, one) in list.iter().enumerate() {
        if place > 0 {
            f.write_char(',')?;
        }
        write(one, f)?;
    }
    Ok(())
}

/// In the largest unit that leaves no rest.
fn age(nanos: u64, f: &mut Formatter<'_>) -> fmt::Result {
    let millis = nanos / 1_000_000;
    let units = [("h", 3_600_000), ("m", 60_000), ("s", 1000)];
    let unit = units
        .iter()
        .find(|(_, length)| millis > 0 && millis.is_multiple_of(*length));
    match unit {
        Some((unit, length)) => write!(f, "{}{unit}", millis / length),
        None => write!(f, "{millis}ms"),
    }
}

fn text(text: &str, f: &mut Formatter<'_>) -> fmt::Result {
    if is_word(text) {
        return f.write_str(text);
    }
    f.write_char('"')?;
    for c in text.chars() {
        if c == '"' || c == '\\' {
            f.write_char('\\')?;
        }
        f.write_char(c)?;
    }
    f.write_char('"')
}
