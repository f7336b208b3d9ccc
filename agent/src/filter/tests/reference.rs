//! A second opinion: the same answers from the JSON of a line, by the plainest code.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value as Json;

use super::super::expression::{Expression, Test, Values};
use super::super::operator::Operator;
use super::super::pattern::Pattern;
use super::super::vocabulary::Words;
use super::super::words::{Kind, Name};
use super::lines;
use super::strategies::expressions;

/// Where a line has the values of a word; `*` is every element of a list.
const PLACES: [(Name, &[&str]); 20] = [
    (Name::State, &["network.connection.state"]),
    (Name::Sport, &["network.local.port"]),
    (Name::Dport, &["network.peer.port"]),
    (Name::Port, &["network.local.port", "network.peer.port"]),
    (
        Name::Pid,
        &[
            "process.pid",
            "finding.holders.*.pid",
            "listed.holders.*.pid",
        ],
    ),
    (
        Name::Comm,
        &[
            "process.comm",
            "finding.holders.*.comm",
            "listed.holders.*.comm",
        ],
    ),
    (Name::Cmd, &["process.command_line"]),
    (Name::User, &["process.user.id"]),
    (Name::Fd, &["finding.holders.*.fd", "listed.holders.*.fd"]),
    (Name::Inode, &["socket.inode"]),
    (Name::Netns, &["socket.netns"]),
    (
        Name::Id,
        &[
            "socket.id",
            "finding.id",
            "finding.incident",
            "listed.finding",
            "listed.incident",
            "remedy.finding",
            "remedy.incident",
        ],
    ),
    (Name::Role, &["socket.role"]),
    (Name::Verdict, &["finding.verdict", "listed.verdict"]),
    (Name::Severity, &["finding.severity", "listed.severity"]),
    (Name::Confidence, &["finding.confidence"]),
    (
        Name::Unread,
        &["finding.evidence.unread_bytes", "listed.unread_bytes"],
    ),
    (Name::Cgroup, &["cgroup"]),
    (Name::Type, &["type"]),
    (Name::Host, &["hello.host"]),
];

/// Near what the lines have.
const TEXTS: [&str; 10] = [
    "shop", "java", "py*", "*", "*o*", "?????", "42", "a1-0001", "web-1", "--port",
];
const NUMBERS: [u64; 10] = [0, 1, 7, 100, 443, 1000, 4711, 8080, 31_337, 4_026_531_840];

fn find<'j>(json: &'j Json, path: &str) -> Vec<&'j Json> {
    let (first, rest) = path
        .split_once('.')
        .map_or((path, None), |(first, rest)| (first, Some(rest)));
    let here: Vec<&Json> = match first {
        "*" => json.as_array().into_iter().flatten().collect(),
        name => json.get(name).into_iter().collect(),
    };
    match rest {
        None => here,
        Some(rest) => here
            .into_iter()
            .flat_map(|inner| find(inner, rest))
            .collect(),
    }
}

fn holds(expression: &Expression, line: &Json) -> bool {
    match expression {
        Expression::All(parts) => !parts.iter().any(|part| !holds(part, line)),
        Expression::Any(parts) => parts.iter().any(|part| holds(part, line)),
        Expression::Not(inner) => !holds(inner, line),
        Expression::Test(test) => compares(test, line),
    }
}

fn compares(test: &Test, line: &Json) -> bool {
    let (_, places) = PLACES.iter().find(|(name, _)| *name == test.name).unwrap();
    let found: Vec<_> = places.iter().flat_map(|path| find(line, path)).collect();
    let found: Vec<String> = found
        .into_iter()
        .map(|value| {
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned)
        })
        .collect();
    match test.operator.name() {
        "!=" => !found.is_empty() && !compares(&with(test, Operator::Equal), line),
        "!~" => !found.is_empty() && !compares(&with(test, Operator::Contains), line),
        _ => found
            .iter()
            .any(|text| fits(&test.values, test.name, test.operator, text)),
    }
}

fn with(test: &Test, operator: Operator) -> Test {
    Test {
        operator,
        ..test.clone()
    }
}

fn fits(values: &Values, name: Name, operator: Operator, text: &str) -> bool {
    match values {
        Values::Words(words) => {
            let Kind::Word(vocabulary) = name.word().kind else {
                panic!("{name:?}");
            };
            let place = vocabulary
                .words
                .iter()
                .position(|word| *word == text)
                .unwrap();
            words.bits() >> place & 1 == 1
        }
        Values::Numbers(numbers) => {
            let found: u64 = text.parse().unwrap();
            numbers.iter().any(|asked| match operator.name() {
                "<" => found < *asked,
                "<=" => found <= *asked,
                ">" => found > *asked,
                ">=" => found >= *asked,
                "=" => found == *asked,
                other => panic!("{other}"),
            })
        }
        Values::Patterns(patterns) => patterns.iter().any(|pattern| {
            let pattern = pattern.as_str();
            let pattern = match operator.name() {
                "~" => format!("*{pattern}*"),
                _ => pattern.to_owned(),
            };
            glob(&chars(&pattern), &chars(text))
        }),
        Values::Ends(_) => panic!("no place has ends"),
    }
}

fn chars(text: &str) -> Vec<char> {
    text.chars().collect()
}

/// The definition of wildcards, without any thought of cost.
fn glob(pattern: &[char], text: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['*', rest @ ..] => (0..=text.len()).any(|skip| glob(rest, &text[skip..])),
        [wants, rest @ ..] => text
            .split_first()
            .is_some_and(|(has, after)| (*wants == '?' || wants == has) && glob(rest, after)),
    }
}

/// Comparisons of words that have a place, with values that the lines have.
fn tests() -> BoxedStrategy<Test> {
    select(PLACES.map(|(name, _)| name).to_vec())
        .prop_flat_map(|name| {
            let kind = name.word().kind;
            let operators: Vec<_> = kind.operators().to_vec();
            let values = match kind {
                Kind::Word(vocabulary) => (1..1_u32 << vocabulary.words.len())
                    .prop_map(|bits| Values::Words(Words::new(bits).unwrap()))
                    .boxed(),
                Kind::Text | Kind::LongText => prop::collection::vec(select(TEXTS.to_vec()), 1..3)
                    .prop_map(|texts| {
                        Values::Patterns(texts.into_iter().map(Pattern::new).collect())
                    })
                    .boxed(),
                Kind::Number | Kind::Bytes | Kind::Age | Kind::Port | Kind::End | Kind::Address => {
                    prop::collection::vec(select(NUMBERS.to_vec()), 1..3)
                        .prop_map(Values::Numbers)
                        .boxed()
                }
            };
            let ranked = matches!(kind, Kind::Word(_));
            let operators: Vec<_> = operators
                .into_iter()
                .filter(|one| !ranked || !one.orders())
                .collect();
            (Just(name), select(operators), values)
        })
        .prop_map(|(name, operator, values)| Test {
            name,
            operator,
            values,
        })
        .boxed()
}

proptest! {
    #[test]
    fn lines_are_selected_as_their_json_says(expression in expressions(tests())) {
        // What an incident has in common with many connections, the table of words tries.
        for (name, event) in lines().into_iter().filter(|(name, _)| *name != "incident") {
            let json = serde_json::to_value(&event).unwrap();
            prop_assert_eq!(expression.holds(&event), holds(&expression, &json), "{}: {}", name, expression);
        }
    }

    #[test]
    fn wildcards_mean_what_they_say(pattern in "[ab*?é]{0,7}", text in "[abé]{0,9}") {
        let asked = Pattern::new(&*pattern);
        prop_assert_eq!(asked.is(&text), glob(&chars(&pattern), &chars(&text)));
        let within = format!("*{pattern}*");
        prop_assert_eq!(asked.is_in(&text), glob(&chars(&within), &chars(&text)));
    }
}

#[test]
fn a_hostile_pattern_costs_no_more_than_the_product_of_lengths() {
    let pattern = Pattern::new("*a".repeat(2000));
    assert!(!pattern.is(&"ab".repeat(1500)));
}
