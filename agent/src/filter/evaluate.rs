//! Whether a line is what a filter asks for.

use super::expression::{Expression, Test, Values};
use super::fields::each;
use super::found::Value;
use super::words::Kind;
use crate::output::json::Event;

impl Expression {
    /// A comparison of what a line does not have is false, whichever way it compares.
    pub(super) fn holds(&self, event: &Event<'_>) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(event)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(event)),
            Self::Not(inner) => !inner.holds(event),
            Self::Test(test) => test.holds(event),
        }
    }
}

impl Test {
    /// Of several values of a line one has to fit; for a comparison that negates, none may.
    fn holds(&self, event: &Event<'_>) -> bool {
        let (mut any, mut fitting) = (false, false);
        each(event, self.name, &mut |value| {
            any = true;
            fitting |= self.fits(&value);
        });
        any && fitting != self.operator.negates()
    }

    fn fits(&self, value: &Value<'_>) -> bool {
        match (&self.values, value) {
            (Values::Words(asked), Value::Word(word)) => {
                let kind = self.name.word().kind;
                matches!(kind, Kind::Word(vocabulary) if vocabulary.has(*asked, word))
            }
            (Values::Numbers(asked), Value::Number(number)) => {
                asked.iter().any(|one| self.operator.fits(number, one))
            }
            (Values::Ends(asked), Value::End(address, port)) => {
                asked.iter().any(|one| one.is(*address, *port))
            }
            (Values::Patterns(asked), Value::Text(text)) if self.operator.looks_inside() => {
                asked.iter().any(|one| one.is_in(text))
            }
            (Values::Patterns(asked), Value::Text(text)) => asked.iter().any(|one| one.is(text)),
            _ => false,
        }
    }
}
