//! The documentation knows what the program says.

use std::fs;
use std::path::Path;

use finback_core::model::finding::Verdict;

#[test]
fn every_verdict_has_a_page_or_a_section_and_the_indexes_lead_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let verdicts = root.join("docs/verdicts");
    let read = |path: &Path| fs::read_to_string(path).unwrap_or_default();
    let (readme, index) = (
        read(&root.join("README.md")),
        read(&verdicts.join("README.md")),
    );
    let others = read(&verdicts.join("others.md"));
    for verdict in Verdict::ALL {
        let name = verdict.name();
        let page = read(&verdicts.join(format!("{name}.md")));
        let has_page = page.starts_with(&format!("# `{name}`"));
        let has_section = others.contains(&format!("\n## `{name}`\n"));
        assert!(has_page != has_section, "{name}: one of both");
        let place = if has_page {
            format!("{name}.md")
        } else {
            format!("others.md#{name}")
        };
        assert!(
            index.contains(&format!("| [`{name}`]({place}) |")),
            "{name}"
        );
        let link = format!("| [`{name}`](docs/verdicts/{place}) |");
        assert!(readme.contains(&link), "{name}");
    }
}

#[test]
fn a_page_answers_what_people_ask() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/verdicts");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        if ["README", "others"].contains(&name) {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for heading in [
            "What people see",
            "What finback says",
            "How it is proven",
            "Try it",
            "Mend it",
            "What will not help",
            "Until it is mended",
        ] {
            assert!(
                text.contains(&format!("\n## {heading}\n")),
                "{name}: {heading}"
            );
        }
        for language in ["```go", "```java", "```python", "```js"] {
            assert!(text.contains(language), "{name}: {language}");
        }
        // What finback says is what it has said.
        let said = text.contains(&format!(" {name} (proven)"))
            || text.contains(&format!(" {name} (likely)"));
        assert!(said, "{name}");
    }
}
