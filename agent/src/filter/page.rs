//! What the page about filters shares with the program.

use super::words::WORDS;

const PAGE: &str = include_str!("../../../docs/filters.md");

/// Begins an example.
const FENCE: &str = "```filter\n";

/// The page's examples: the sentence before each, and the filter.
pub fn examples() -> Vec<(&'static str, &'static str)> {
    let blocks = PAGE.split(FENCE).zip(PAGE.split(FENCE).skip(1));
    let examples = blocks.filter_map(|(before, block)| {
        let sentence = before.trim_end().lines().next_back()?;
        let (filter, _) = block.split_once("\n```")?;
        Some((sentence, filter))
    });
    examples.collect()
}

/// Every word of the language, as a table of the page.
pub fn words() -> String {
    let rows = WORDS.iter().map(|word| {
        let spelt: Vec<_> = word.spelt.iter().map(|form| format!("`{form}`")).collect();
        let operators: Vec<_> = word.kind.operators().iter().map(|one| one.name()).collect();
        let (spelt, operators) = (spelt.join(", "), operators.join(" "));
        format!(
            "| {spelt} | {} | `{operators}` | {} |\n",
            word.kind.noun(),
            word.about
        )
    });
    let rows: Vec<_> = rows.collect();
    let head = "| word | compared with | how | what it asks for |\n|---|---|---|---|\n";
    head.to_owned() + &rows.concat()
}
