//! The page about filters says what is so.

use std::fs;
use std::path::PathBuf;

use super::super::{examples, words};
use super::super::{vocabulary, words as table};
use super::{lines, selected};

#[test]
fn each_example_selects_some_lines_and_not_all() {
    let examples = examples();
    assert!(examples.len() >= 20, "{}", examples.len());
    let all = lines().len();
    for (sentence, filter) in examples {
        assert!(sentence.ends_with(':'), "{sentence}");
        let names = selected(filter);
        let count = names.split_whitespace().count();
        assert!(0 < count && count < all, "{filter}: {names}");
    }
}

/// With `BLESS=1` in the environment the page is written instead.
#[test]
fn the_table_of_words_is_the_parser_s() {
    const BEGIN: &str = "<!-- words -->\n";
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/filters.md");
    let page = fs::read_to_string(&path).unwrap();
    let begin = page.find(BEGIN).unwrap() + BEGIN.len();
    let end = begin + page[begin..].find("<!-- end -->").unwrap();
    if std::env::var_os("BLESS").is_some() {
        let page = format!("{}{}{}", &page[..begin], words(), &page[end..]);
        fs::write(&path, page).unwrap();
        return;
    }
    assert!(page[begin..end] == words(), "run this test with BLESS=1");
}

#[test]
fn groups_and_refused_words_are_on_the_page() {
    let page = include_str!("../../../../docs/filters.md");
    let groups = vocabulary::STATES.groups.iter().map(|(name, _)| *name);
    let refused = table::REFUSED.iter().map(|(word, _)| *word);
    for word in groups.chain(refused).chain(table::EXCLUDE) {
        assert!(page.contains(&format!("`{word}`")), "{word}");
    }
}
