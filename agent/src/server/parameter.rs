//! What a path can be asked: its parameters, and how a query is read.

use std::borrow::Cow;
use std::fmt::Display;
use std::str::FromStr;

use super::refused::Refused;

/// A parameter of one path or of several.
#[derive(Debug)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    /// What it means, for the OpenAPI document.
    pub(super) meaning: &'static str,
    /// A value.
    pub(super) example: &'static str,
    /// Code of the refusal of a value that is not understood.
    pub(super) wrong: &'static str,
}

/// Which events.
pub(super) const SELECT: Parameter = Parameter {
    name: "select",
    meaning: "Kinds of event, separated by commas: `incident`, `finding`, `transition` (with `eof`), `connection`. \
              By default `incident,finding,transition`.",
    example: "finding,incident",
    wrong: "unknown_kind",
};

/// The parameters of a request.
#[derive(Debug)]
pub(super) struct Given<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Given<'a> {
    /// Reads `select=finding&…` as forms write it. Escapes that are none stand for themselves.
    pub(super) fn read(query: &'a str, known: &[&Parameter]) -> Result<Self, Refused> {
        let mut given = Self(Vec::new());
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if !known.iter().any(|parameter| parameter.name == name) {
                return Err(unknown(&name, known));
            }
            if given.0.iter().any(|(before, _)| *before == name) {
                return Err(Refused::bad(
                    "repeated_parameter",
                    format!("`{name}` is given twice"),
                    "give it once",
                ));
            }
            given.0.push((name, value));
        }
        Ok(given)
    }

    /// The value of a parameter, if there is one.
    pub(super) fn value<T: FromStr<Err: Display>>(
        &self,
        parameter: &Parameter,
    ) -> Result<Option<T>, Refused> {
        let Some((_, text)) = self.0.iter().find(|(name, _)| *name == parameter.name) else {
            return Ok(None);
        };
        text.parse().map(Some).map_err(|error: T::Err| {
            let help = format!("for example {}={}", parameter.name, parameter.example);
            Refused::bad(parameter.wrong, error.to_string(), help)
        })
    }
}

fn unknown(name: &str, known: &[&Parameter]) -> Refused {
    let names: Vec<_> = known.iter().map(|parameter| parameter.name).collect();
    let help = match &*names {
        [] => "it has no parameters".to_owned(),
        names => format!("its parameters are: {}", names.join(", ")),
    };
    Refused::bad(
        "unknown_parameter",
        format!("`{name}` is no parameter of this path"),
        help,
    )
}
