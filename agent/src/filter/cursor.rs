//! A place among the tokens of a filter.

use super::error::{Error, shown};
use super::token::{Piece, Token, tokens};

/// Reads token after token.
pub(super) struct Cursor<'t> {
    text: &'t str,
    /// The last is [`Piece::End`].
    tokens: Vec<Token<'t>>,
    /// Never beyond the last.
    next: usize,
    /// Parentheses and `not` that are open here.
    pub(super) depth: usize,
}

impl<'t> Cursor<'t> {
    /// Before the first token.
    pub(super) fn new(text: &'t str) -> Result<Self, Error> {
        Ok(Self {
            text,
            tokens: tokens(text)?,
            next: 0,
            depth: 0,
        })
    }

    pub(super) fn piece(&self) -> &Piece<'t> {
        &self.tokens[self.next].piece
    }

    pub(super) fn at(&self) -> usize {
        self.tokens[self.next].at
    }

    pub(super) fn step(&mut self) {
        self.next = (self.next + 1).min(self.tokens.len() - 1);
    }

    pub(super) fn take(&mut self, wanted: &Piece<'_>) -> bool {
        let found = self.piece() == wanted;
        if found {
            self.step();
        }
        found
    }

    pub(super) fn wrong(
        &self,
        at: usize,
        what: impl Into<String>,
        help: impl Into<String>,
    ) -> Error {
        Error::new(self.text, at, what, help)
    }

    /// Here is something else than what can be.
    pub(super) fn expected(&self, what: &str, help: impl Into<String>) -> Error {
        let found = match self.piece() {
            Piece::End => "the filter ends".to_owned(),
            Piece::Quoted(text) => format!("{} in quotes stands here", shown(text)),
            Piece::Word(word) => format!("{} stands here", shown(word)),
            Piece::Operator(operator) => format!("`{operator}` stands here"),
            Piece::Open => "`(` stands here".to_owned(),
            Piece::Close => "`)` stands here".to_owned(),
            Piece::Not => "`not` stands here".to_owned(),
            Piece::And => "`and` stands here".to_owned(),
            Piece::Or => "`or` stands here".to_owned(),
            Piece::Comma => "`,` stands here".to_owned(),
        };
        self.wrong(self.at(), format!("{found} where {what} is expected"), help)
    }

    pub(super) fn column(&self, at: usize) -> usize {
        self.text[..at].chars().count() + 1
    }
}
