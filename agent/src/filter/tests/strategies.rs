//! Filters that could be written.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::end::{End, Net};
use super::super::expression::{Expression, Test, Values};
use super::super::pattern::Pattern;
use super::super::vocabulary::Words;
use super::super::words::{Kind, WORDS, Word};

/// Any condition.
pub(super) fn expressions(tests: BoxedStrategy<Test>) -> impl Strategy<Value = Expression> {
    let leaf = tests.prop_map(Expression::Test);
    leaf.prop_recursive(5, 24, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 2..4).prop_map(Expression::All),
            vec(inner.clone(), 2..4).prop_map(Expression::Any),
            inner.prop_map(|inner| Expression::Not(Box::new(inner))),
        ]
    })
}

/// Any comparison.
pub(super) fn tests() -> BoxedStrategy<Test> {
    let words: Vec<&'static Word> = WORDS.iter().collect();
    select(words).prop_flat_map(comparison).boxed()
}

/// A comparison of this word as the parser makes it: those of ranks have become sets.
fn comparison(word: &'static Word) -> BoxedStrategy<Test> {
    let ranked = matches!(word.kind, Kind::Word(_));
    let operators = word.kind.operators().iter().copied();
    let operators: Vec<_> = operators.filter(|one| !ranked || !one.orders()).collect();
    let made = select(operators).prop_flat_map(move |operator| {
        let most = if operator.orders() { 1 } else { 3 };
        (Just(operator), values(word.kind, most))
    });
    let name = word.name;
    made.prop_map(move |(operator, values)| Test {
        name,
        operator,
        values,
    })
    .boxed()
}

fn values(kind: Kind, most: usize) -> BoxedStrategy<Values> {
    let size = 1..=most;
    match kind {
        Kind::Word(vocabulary) => (1..1_u32 << vocabulary.words.len())
            .prop_map(|bits| Values::Words(Words::new(bits).unwrap()))
            .boxed(),
        Kind::Number | Kind::Bytes => vec(any::<u64>(), size).prop_map(Values::Numbers).boxed(),
        Kind::Age => {
            let millis = prop_oneof![
                0..5000_u64,
                (0..500_u64).prop_map(|minutes| minutes * 60_000)
            ];
            let nanos = millis.prop_map(|millis| millis * 1_000_000);
            vec(nanos, size).prop_map(Values::Numbers).boxed()
        }
        Kind::Port => {
            let port = any::<u16>().prop_map(u64::from);
            vec(port, size).prop_map(Values::Numbers).boxed()
        }
        Kind::End => vec(ends(), size).prop_map(Values::Ends).boxed(),
        Kind::Address => {
            let address = ends().prop_map(|end| End { port: None, ..end });
            vec(address, size).prop_map(Values::Ends).boxed()
        }
        Kind::Text | Kind::LongText => {
            let text = prop_oneof![
                "\\PC{0,8}",
                "[a-z*?\\\\\"',!() ]{0,6}",
                select(vec!["and", "NOT", "eq", "state", "=", ""]).prop_map(str::to_owned),
            ];
            vec(text.prop_map(Pattern::new), size)
                .prop_map(Values::Patterns)
                .boxed()
        }
    }
}

fn ends() -> impl Strategy<Value = End> {
    use std::net::{Ipv4Addr, Ipv6Addr};
    let v4 = (any::<u32>(), 0..=32_u8)
        .prop_map(|(bits, prefix)| Net::new(Ipv4Addr::from_bits(bits).into(), prefix));
    let v6 = (any::<u128>(), 0..=128_u8)
        .prop_map(|(bits, prefix)| Net::new(Ipv6Addr::from_bits(bits).into(), prefix));
    let mapped = (any::<u32>(), 0..=128_u8).prop_map(|(bits, prefix)| {
        let mapped = Ipv4Addr::from_bits(bits).to_ipv6_mapped();
        Net::new(mapped.into(), prefix)
    });
    let net = prop_oneof![Just(None), v4, v6, mapped];
    (net, any::<Option<u16>>()).prop_map(|(net, port)| End { net, port })
}

/// Text that looks like a filter more often than not.
pub(super) fn texts() -> impl Strategy<Value = String> {
    let spelt: Vec<_> = WORDS.iter().flat_map(|word| word.spelt).copied().collect();
    let pieces = [
        "(",
        ")",
        "!",
        "and",
        "or",
        "not",
        "=",
        "!=",
        "<",
        ">=",
        "~",
        "!~",
        ",",
        "\"a b\"",
        "'",
        "\"",
        "state",
        "exclude",
        "close-wait",
        "established",
        "all",
        "not_closed",
        "any",
        "1",
        "4k",
        "30s",
        ":443",
        "[::1]:80",
        "10.0.0.0/8",
        "::/0",
        "*",
        "py*",
        "é",
        "\\",
        "dev",
        "info",
        "root",
        "sk:1f",
        "0x",
    ];
    let piece = prop_oneof![select(spelt), select(pieces.to_vec())];
    let joined = vec((piece, select(vec![" ", "", " ", "\t"])), 0..14);
    let near = joined.prop_map(|pieces| {
        let pieces = pieces.into_iter();
        let pieces: Vec<_> = pieces.flat_map(|(piece, gap)| [piece, gap]).collect();
        pieces.concat()
    });
    prop_oneof![3 => near, 1 => ".{0,40}", 1 => any::<String>()]
}
