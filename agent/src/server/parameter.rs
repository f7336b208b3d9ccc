//! What a path can be asked: its parameters, and how a query is read.

use std::borrow::Cow;
use std::fmt::Display;
use std::str::FromStr;

use super::refused::Refused;
use crate::moment;
use crate::output::clock::Time;

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
    meaning: "Kinds of event, separated by commas: `incident`, `finding`, `transition` (with `eof`), `connection`, \
              `remedy`. By default `incident,finding,transition,remedy`.",
    example: "finding,incident",
    wrong: "unknown_kind",
};

/// Which of them.
pub(super) const FILTER: Parameter = Parameter {
    name: "filter",
    meaning: "Only lines that this selects (docs/filters.md); `hello`, `lost` and `resync` always come.",
    example: "state%20close-wait%20pid%20%3D%204711",
    wrong: "wrong_filter",
};

/// What is to be explained.
pub(super) const WHAT: Parameter = Parameter {
    name: "what",
    meaning: "What somebody has in hand: the id of a finding (`#12`), of an incident or of a socket, `PID`, `PID:FD`, \
              `inode:N`, `cookie:HEX`, one or two `ADDRESS:PORT`, or a row of ss, lsof or netstat. Always to be given.",
    example: "4711:7",
    wrong: "unreadable",
};

/// From when on.
pub(super) const SINCE: Parameter = Parameter {
    name: "since",
    meaning: "What the history has from this moment on: RFC 3339, a date or time of day, or how long ago. The stream \
              follows.",
    example: "10m",
    wrong: "unknown_time",
};

/// Until when.
pub(super) const UNTIL: Parameter = Parameter {
    name: "until",
    meaning: "What the history has until this moment; the stream does not follow then.",
    example: "2026-11-27T03:10:00Z",
    wrong: "unknown_time",
};

/// How many at most.
pub(super) const LAST: Parameter = Parameter {
    name: "last",
    meaning: "Of that only the last so many lines.",
    example: "100",
    wrong: "unknown_number",
};

/// Whether it goes on.
pub(super) const FOLLOW: Parameter = Parameter {
    name: "follow",
    meaning: "Whether the stream follows what is past: `true`, or `false`, which is the default with `until`.",
    example: "false",
    wrong: "unknown_word",
};

/// What more is to be gathered.
pub(super) const COLLECT: Parameter = Parameter {
    name: "collect",
    meaning: "`lifetimes`: also histograms of how long applications take to notice, and changes of state. They need a \
              few records per connection, which are made until nobody has asked for them for five minutes.",
    example: "lifetimes",
    wrong: "unknown_word",
};

/// Values of [`COLLECT`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifetimes;

impl FromStr for Lifetimes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "lifetimes" => Ok(Self),
            other => Err(format!("`{other}` cannot be collected")),
        }
    }
}

/// A moment as people write it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment(Time);

impl Moment {
    pub(super) const fn time(self) -> Time {
        self.0
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        moment::parse(text, Time::now()).map(Self)
    }
}

/// A number of lines.
#[derive(Clone, Copy, Debug)]
pub(super) struct Count(usize);

impl Count {
    pub(super) const fn number(self) -> usize {
        self.0
    }
}

impl FromStr for Count {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        moment::count(text).map(Self)
    }
}

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
