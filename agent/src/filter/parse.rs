//! From text to what it says, by recursive descent:
//!
//! ```text
//! filter     = [ states ] expression          as in `ss`, states at the very beginning concern all of the rest
//! expression = factor { "and" factor } | factor { "or" factor }      `and` may be left out
//! factor     = "not" factor | "(" expression ")" | states | test
//! states     = ( "state" | "exclude" ) values { ( "state" | "exclude" ) values }
//! test       = word [ operator ] values
//! values     = value { "," value }
//! ```
//!
//! `and` beside `or` without parentheses is refused: `ss` reads them from left to right, most languages bind `and`
//! closer, and a wrong guess selects the wrong connections.

use super::cursor::Cursor;
use super::error::Error;
use super::expression::Expression;
use super::token::Piece;

/// Parentheses and `not` inside each other.
pub(super) const MAX_DEPTH: usize = 64;

/// What the text says.
pub(super) fn parse(text: &str) -> Result<Expression, Error> {
    Cursor::new(text)?.filter()
}

/// What connects two factors.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Connector {
    And,
    Or,
}

/// What connects this piece with what stands before it.
fn connector(piece: &Piece<'_>) -> Option<Connector> {
    match piece {
        Piece::Or => Some(Connector::Or),
        Piece::And | Piece::Word(_) | Piece::Not | Piece::Open => Some(Connector::And),
        Piece::Close | Piece::Comma | Piece::Operator(_) | Piece::Quoted(_) | Piece::End => None,
    }
}

impl Cursor<'_> {
    fn filter(&mut self) -> Result<Expression, Error> {
        if *self.piece() == Piece::End {
            let help = "say what is wanted, for example `state close-wait`, or leave the filter out to see all";
            return Err(self.wrong(0, "an empty filter", help));
        }
        let all = if self.has_states() {
            self.states_of_all()?
        } else {
            self.expression()?
        };
        if *self.piece() == Piece::End {
            return Ok(all);
        }
        Err(self.expected("a word, `and`, `or` or the end", closing(self.piece())))
    }

    /// States at the very beginning, with nothing between them and the rest, concern all of that.
    fn states_of_all(&mut self) -> Result<Expression, Error> {
        let states = self.states()?;
        if matches!(self.piece(), Piece::End | Piece::And | Piece::Or) {
            return self.connected(states);
        }
        let mut parts = vec![states];
        let rest = self.expression()?;
        if let Expression::All(rest) = rest {
            parts.extend(rest);
        } else {
            parts.push(rest);
        }
        Ok(Expression::All(parts))
    }

    fn expression(&mut self) -> Result<Expression, Error> {
        let first = self.factor()?;
        self.connected(first)
    }

    /// What follows a first factor.
    fn connected(&mut self, first: Expression) -> Result<Expression, Error> {
        let mut parts = vec![first];
        let mut all = None;
        while let Some(connector) = connector(self.piece()) {
            let at = self.at();
            if matches!(self.piece(), Piece::And | Piece::Or) {
                self.step();
            }
            if *all.get_or_insert(connector) != connector {
                let help = "put in parentheses what belongs together, for example `(sport = :80 or sport = :443) and age > 30s`";
                return Err(self.wrong(
                    at,
                    "`and` and `or` side by side can be read in two ways",
                    help,
                ));
            }
            parts.push(self.factor()?);
        }
        Ok(match all {
            Some(Connector::Or) => Expression::Any(parts),
            Some(Connector::And) => Expression::All(parts),
            None => parts.remove(0),
        })
    }

    fn factor(&mut self) -> Result<Expression, Error> {
        if self.has_states() {
            return self.states();
        }
        if *self.piece() == Piece::Not {
            let inner = self.deeper(Self::factor)?;
            return Ok(Expression::Not(Box::new(inner)));
        }
        if *self.piece() == Piece::Open {
            return self.parentheses();
        }
        self.test()
    }

    fn parentheses(&mut self) -> Result<Expression, Error> {
        let at = self.at();
        let inner = self.deeper(Self::expression)?;
        if self.take(&Piece::Close) {
            return Ok(inner);
        }
        let help = format!("write `)` for the `(` in column {}", self.column(at));
        Err(self.expected("a word, `and`, `or` or `)`", help))
    }

    /// Goes on behind the piece that stands here.
    fn deeper(
        &mut self,
        inner: fn(&mut Self) -> Result<Expression, Error>,
    ) -> Result<Expression, Error> {
        if self.depth == MAX_DEPTH {
            let what = format!("more than {MAX_DEPTH} parentheses and `not` inside each other");
            return Err(self.wrong(self.at(), what, "leave out those that change nothing"));
        }
        self.step();
        self.depth += 1;
        let found = inner(self)?;
        self.depth -= 1;
        Ok(found)
    }
}

fn closing(piece: &Piece<'_>) -> &'static str {
    if *piece == Piece::Close {
        return "leave it out, or write `(` where it belongs";
    }
    if *piece == Piece::Comma {
        return "a list follows a word and a sign, for example `pid = 1,2,3`";
    }
    "a comparison is a word, a sign and a value, for example `pid = 4711`; a value with a sign or a blank in it stands \
     in quotes, for example `comm = \"my program\"`"
}
