//! What holds for any text and any filter.

use proptest::prelude::*;

use super::super::parse::parse;
use super::super::{Error, Filter};
use super::strategies::{expressions, tests, texts};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn canonical_text_says_the_same(expression in expressions(tests())) {
        let text = expression.to_string();
        prop_assert_eq!(parse(&text), Ok(expression), "{}", text);
    }

    #[test]
    fn any_text_is_a_filter_or_an_error_within_it(text in texts()) {
        match text.parse::<Filter>() {
            Ok(filter) => {
                let again: Result<Filter, Error> = filter.to_string().parse();
                prop_assert_eq!(again, Ok(filter));
            }
            Err(error) => {
                prop_assert!(error.column() >= 1);
                prop_assert!(error.column() <= text.chars().count() + 1);
                prop_assert!(!error.help().is_empty());
                let told = format!("{error} {} {}", error.help(), error.picture().replace('\n', " "));
                prop_assert!(!told.chars().any(char::is_control));
            }
        }
    }
}

#[test]
fn a_filter_is_a_string_in_json() {
    let filter: Filter = serde_json::from_str(r#""pid 1 comm=\"a b\"""#).unwrap();
    let text = serde_json::to_string(&filter).unwrap();
    assert_eq!(text, r#""pid = 1 and comm = \"a b\"""#);
    let error = serde_json::from_str::<Filter>(r#""pit 1""#).unwrap_err();
    assert!(error.to_string().contains("column 1"), "{error}");
    assert!(error.to_string().contains("did you mean `pid`?"), "{error}");
}
