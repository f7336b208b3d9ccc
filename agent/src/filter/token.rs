//! From characters to tokens.

use super::error::Error;
use super::operator::Operator;

/// A piece of a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token<'t> {
    /// Which.
    pub(super) piece: Piece<'t>,
    /// First byte in the text.
    pub(super) at: usize,
}

/// What a piece of a filter is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    Open,
    Close,
    Not,
    And,
    Or,
    Comma,
    Operator(Operator),
    Word(&'t str),
    Quoted(String),
    End,
}

/// What ends a word.
const MARKS: &[char] = &['(', ')', '!', '&', '|', '=', '<', '>', '~', ',', '"', '\''];

/// Signs, the longer first.
const SIGNS: [&str; 17] = [
    "&&", "||", "==", "!=", "!~", "<=", ">=", "(", ")", "!", "&", "|", ",", "=", "<", ">", "~",
];

/// All pieces, with [`Piece::End`] as the last.
pub(super) fn tokens(text: &str) -> Result<Vec<Token<'_>>, Error> {
    if let Some(at) = text.find(|c: char| c.is_control() && !c.is_whitespace()) {
        return Err(Error::new(text, at, "a control character", "leave it out"));
    }
    let mut tokens = Vec::new();
    let mut at = 0;
    loop {
        at += text[at..].len() - text[at..].trim_start().len();
        let (piece, length) = next(text, at)?;
        let end = piece == Piece::End;
        tokens.push(Token { piece, at });
        if end {
            return Ok(tokens);
        }
        at += length;
    }
}

/// The piece that begins here, and its bytes.
fn next(text: &str, at: usize) -> Result<(Piece<'_>, usize), Error> {
    let rest = &text[at..];
    let Some(first) = rest.chars().next() else {
        return Ok((Piece::End, 0));
    };
    if first == '"' || first == '\'' {
        return quoted(text, at, first);
    }
    let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
    if let Some((sign, piece)) = sign.and_then(|sign| Some((sign, keyword(sign)?))) {
        return Ok((piece, sign.len()));
    }
    let end = rest.find(|c: char| c.is_whitespace() || MARKS.contains(&c));
    let word = &rest[..end.unwrap_or(rest.len())];
    Ok((keyword(word).unwrap_or(Piece::Word(word)), word.len()))
}

/// A sign or a word that stands for one.
fn keyword(text: &str) -> Option<Piece<'static>> {
    let lower = text.to_ascii_lowercase();
    Some(match &*lower {
        "(" => Piece::Open,
        ")" => Piece::Close,
        "," => Piece::Comma,
        "!" | "not" => Piece::Not,
        "&" | "&&" | "and" => Piece::And,
        "|" | "||" | "or" => Piece::Or,
        other => Piece::Operator(Operator::read(other)?),
    })
}

/// Text in quotes; a backslash before a quote or a backslash takes away its meaning.
fn quoted(text: &str, at: usize, quote: char) -> Result<(Piece<'_>, usize), Error> {
    let mut value = String::new();
    let mut chars = text[at + 1..].char_indices().peekable();
    while let Some((offset, c)) = chars.next() {
        match c {
            _ if c == quote => return Ok((Piece::Quoted(value), offset + 2)),
            '\\' => match chars.next_if(|(_, next)| *next == quote || *next == '\\') {
                Some((_, escaped)) => value.push(escaped),
                None => value.push(c),
            },
            _ if c.is_control() => value.push(' '),
            _ => value.push(c),
        }
    }
    let help = format!("write {quote} after it");
    Err(Error::new(text, at, "this quote has no end", help))
}

/// Whether a text is one word to [`tokens`], and nothing but a word.
pub(super) fn is_word(text: &str) -> bool {
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !MARKS.contains(&c);
    !text.is_empty() && text.chars().all(plain) && keyword(text).is_none()
}
