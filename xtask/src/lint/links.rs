//! Links of the documentation lead to files, and to headings, that there are.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// What is wrong with the links of all documents. `files` are all of the repository, each with its text.
pub(crate) fn problems(files: &[(String, String)]) -> Vec<String> {
    let texts: BTreeMap<&str, &str> = files
        .iter()
        .map(|(file, text)| (file.as_str(), text.as_str()))
        .collect();
    let documents = texts.iter().filter(|(file, _)| is_document(file));
    documents
        .flat_map(|(file, text)| broken(file, text, &texts))
        .collect()
}

fn is_document(file: &str) -> bool {
    Path::new(file).extension().is_some_and(|end| end == "md")
}

fn broken(file: &str, text: &str, texts: &BTreeMap<&str, &str>) -> Vec<String> {
    let mut problems = Vec::new();
    for (number, line) in prose(text) {
        for link in links(line).filter(|link| !link.contains(':')) {
            if let Some(problem) = problem(file, link, texts) {
                problems.push(format!("{file}: line {number}: {link}: {problem}"));
            }
        }
    }
    problems
}

/// Lines outside of code, by their number.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut code = false;
    text.lines().zip(1..).filter_map(move |(line, number)| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        (!code && !fence).then_some((number, line))
    })
}

/// The targets of `[text](target)`.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let parts = line.split("](").skip(1);
    parts.filter_map(|part| part.split_once(')').map(|(link, _)| link))
}

fn problem(file: &str, link: &str, texts: &BTreeMap<&str, &str>) -> Option<&'static str> {
    let (path, heading) = link.split_once('#').unwrap_or((link, ""));
    let target = if path.is_empty() {
        file.to_owned()
    } else {
        resolved(file, path)
    };
    let inside = format!("{target}/");
    let Some(text) = texts.get(&*target) else {
        let is_folder = texts.keys().any(|file| file.starts_with(&inside));
        return (!is_folder).then_some("no such file");
    };
    let there = heading.is_empty() || headings(text).any(|found| found == heading);
    (!there).then_some("no such heading")
}

/// A relative path as seen from a file, from the repository's root.
fn resolved(file: &str, path: &str) -> String {
    let mut whole = PathBuf::from(file);
    whole.pop();
    for part in Path::new(path).components() {
        match part {
            Component::ParentDir => drop(whole.pop()),
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => whole.push(part),
        }
    }
    whole.display().to_string()
}

/// Names of a document's headings, as GitHub makes them.
fn headings(text: &str) -> impl Iterator<Item = String> {
    prose(text).filter_map(|(_, line)| {
        let title = line.strip_prefix('#')?.trim_start_matches('#').trim();
        let kept = title
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        Some(kept.collect::<String>().to_lowercase().replace(' ', "-"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let other = "# The `other` one, again\n## B\n```\n# no heading\n```\n";
        let files = [("docs/a.md", text), ("docs/in/b.md", other), ("x.rs", "")];
        problems(&files.map(|(file, text)| (file.to_owned(), text.to_owned())))
    }

    #[test]
    fn links_that_lead_somewhere_are_fine() {
        for link in [
            "in/b.md",
            "in",
            "./in/b.md#b",
            "in/b.md#the-other-one-again",
            "../x.rs",
            "#here",
            "https://example.org/nowhere",
        ] {
            assert!(told(&format!("# Here\nSee [it]({link}).\n")).is_empty());
        }
    }

    #[test]
    fn links_that_lead_nowhere_are_told_with_their_line() {
        for link in ["b.md", "in/b.md#no-heading", "#there", "../y.rs", "i"] {
            let found = told(&format!("# Here\nSee [it]({link}).\n"));
            assert!(
                found.len() == 1 && found[0].starts_with("docs/a.md: line 2: "),
                "{found:?}"
            );
        }
    }

    #[test]
    fn code_is_no_text() {
        assert!(told("```\n[it](nowhere.md)\n```\n").is_empty());
    }
}
