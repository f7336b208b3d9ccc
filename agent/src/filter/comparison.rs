//! Words and what they are compared with.

use super::cursor::Cursor;
use super::error::{Error, shown};
use super::expression::{Expression, Test, Values};
use super::operator::Operator;
use super::token::Piece;
use super::values;
use super::vocabulary::{ROLES, SEVERITIES, STATES, TYPES, VERDICTS, Vocabulary, Words};
use super::words::{EXCLUDE, Kind, Name, REFUSED, WORDS, Word};
use crate::value::closest;

impl Cursor<'_> {
    /// Whether `state` or `exclude` stands here.
    pub(super) fn has_states(&self) -> bool {
        matches!(self.piece(), Piece::Word(word) if *word == Name::State.word().canonical() || EXCLUDE.contains(word))
    }

    /// One set of states: as in `ss`, `state` adds, `exclude` takes away, and the first says from what.
    pub(super) fn states(&mut self) -> Result<Expression, Error> {
        let at = self.at();
        let mut set: Option<(Operator, Words)> = None;
        while self.has_states() {
            let here = self.at();
            let excluded = matches!(self.piece(), Piece::Word(word) if EXCLUDE.contains(word));
            let Test {
                operator, values, ..
            } = self.comparison(Name::State.word())?;
            let Values::Words(words) = values else { break };
            if excluded && operator == Operator::Unequal {
                return Err(self.wrong(
                    here,
                    "`exclude` and `!=` at once",
                    "use `state` for what is left",
                ));
            }
            let operator = if excluded {
                Operator::Unequal
            } else {
                operator
            };
            set = match set {
                None => Some((operator, words)),
                Some((kept, before)) if kept == operator => Some((kept, before.union(words))),
                Some((kept, before)) => before.without(words).map(|words| (kept, words)),
            };
            if set.is_none() {
                return Err(self.wrong(
                    at,
                    "these states cancel each other out",
                    "leave out those that are both in `state` and in `exclude`",
                ));
            }
        }
        let Some((operator, words)) = set else {
            return Err(self.expected("`state`", "write `state` and a state"));
        };
        Ok(Expression::Test(Test {
            name: Name::State,
            operator,
            values: Values::Words(words),
        }))
    }

    pub(super) fn test(&mut self) -> Result<Expression, Error> {
        let Piece::Word(text) = *self.piece() else {
            let help =
                "begin with what is asked for, for example `state close-wait` or `pid = 4711`";
            return Err(self.expected("a word", help));
        };
        match Word::read(text) {
            Some(word) => self.comparison(word).map(Expression::Test),
            None => Err(self.unknown(text)),
        }
    }

    /// The word that stands here, how it is compared and with what.
    fn comparison(&mut self, word: &'static Word) -> Result<Test, Error> {
        self.step();
        let operator = self.operator(word)?;
        let at = self.at();
        let mut list = self.value(word)?;
        while *self.piece() == Piece::Comma {
            if operator.orders() {
                let what = format!("`{operator}` compares with one {}", word.kind.noun());
                return Err(self.wrong(self.at(), what, "leave out the rest of the list"));
            }
            self.step();
            let more = self.value(word)?;
            values::join(&mut list, more);
        }
        let (operator, values) = self.ranked(word, operator, list, at)?;
        Ok(Test {
            name: word.name,
            operator,
            values,
        })
    }

    fn operator(&mut self, word: &Word) -> Result<Operator, Error> {
        let Piece::Operator(operator) = *self.piece() else {
            return Ok(word.kind.silent());
        };
        if !word.kind.operators().contains(&operator) {
            let what = format!(
                "`{}` cannot be compared with `{operator}`",
                word.canonical()
            );
            let known: Vec<_> = word
                .kind
                .operators()
                .iter()
                .map(|known| known.name())
                .collect();
            let help = format!("use one of {}", known.join(" "));
            return Err(self.wrong(self.at(), what, help));
        }
        self.step();
        Ok(operator)
    }

    fn value(&mut self, word: &Word) -> Result<Values, Error> {
        let noun = word.kind.noun();
        let text = match self.piece() {
            Piece::Word(text) => *text,
            Piece::Quoted(text) => text,
            Piece::Open
            | Piece::Close
            | Piece::Not
            | Piece::And
            | Piece::Or
            | Piece::Comma
            | Piece::Operator(_)
            | Piece::End => {
                let help = format!(
                    "write one, for example `{}`; a value with a sign or a blank in it, or one like `and`, stands in \
                     quotes",
                    word.example
                );
                return Err(self.expected(&with_article(noun), help));
            }
        };
        let values = values::read(word, text).map_err(|help| {
            let what = format!("{} is not {}", shown(text), with_article(noun));
            self.wrong(self.at(), what, help)
        })?;
        self.step();
        Ok(values)
    }

    /// Words that have an order: those that are more, or less, than one.
    fn ranked(
        &self,
        word: &Word,
        operator: Operator,
        values: Values,
        at: usize,
    ) -> Result<(Operator, Values), Error> {
        match (word.kind, &values) {
            (Kind::Word(vocabulary), Values::Words(asked)) if operator.orders() => {
                let ranked = vocabulary.ordered(operator, *asked).map(Values::Words);
                let ranked = ranked.map(|values| (Operator::Equal, values));
                ranked.ok_or_else(|| {
                    let what = format!("no {} is `{operator}` this", vocabulary.noun);
                    self.wrong(
                        at,
                        what,
                        format!(
                            "from the least to the most they are {}",
                            vocabulary.words.join(", ")
                        ),
                    )
                })
            }
            _ => Ok((operator, values)),
        }
    }

    fn unknown(&self, text: &str) -> Error {
        let at = self.at();
        if let Some((_, reason)) = REFUSED.iter().find(|(word, _)| *word == text) {
            return self.wrong(
                at,
                format!("`{text}` is a word of `ss` that is of no use here"),
                *reason,
            );
        }
        let what = format!("{} is not a word of filters", shown(text));
        self.wrong(at, what, guess(text))
    }
}

/// What somebody may have meant by a word that is none.
fn guess(text: &str) -> String {
    let homes: [(&str, &Vocabulary); 5] = [
        ("state", &STATES),
        ("verdict", &VERDICTS),
        ("severity", &SEVERITIES),
        ("role", &ROLES),
        ("type", &TYPES),
    ];
    if let Some((word, _)) = homes.iter().find(|(_, home)| home.find(text).is_some()) {
        return format!("did you mean `{word} {text}`?");
    }
    let words = WORDS.iter().flat_map(|word| word.spelt).copied();
    let words = words.chain(EXCLUDE);
    closest(text, words).map_or_else(all_words, |word| format!("did you mean `{word}`?"))
}

fn all_words() -> String {
    let all: Vec<_> = WORDS.iter().map(Word::canonical).collect();
    format!("use one of {}", all.join(", "))
}

fn with_article(noun: &str) -> String {
    let article = if noun.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    };
    match noun {
        "text" => "text".to_owned(),
        noun => format!("{article} {noun}"),
    }
}
