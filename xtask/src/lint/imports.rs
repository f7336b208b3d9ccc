//! Which file of a crate imports which: imports run downward, and never in a circle.
//!
//! A file that imports a name which another one only passes on (`pub use`) imports the file that has it. A path that
//! is spelled out where it is used counts as an import. Tests are exempt: they may look at everything.

use std::collections::{BTreeMap, BTreeSet};

use syn::{Attribute, File, Item, ItemMod, ItemUse, UseTree, Visibility};

use super::layers::{self, Crate};
use super::paths::{self, is_for_tests};

/// A module's path without `crate`: `["kernel", "ring"]`. The crate's root is empty.
type Path = Vec<String>;

/// One source file.
#[derive(Debug, Default)]
struct Module {
    file: String,
    /// What it imports, each from the crate's root; other crates are left out.
    uses: BTreeSet<Path>,
    /// What its names stand for, whether it keeps them or passes them on.
    names: BTreeMap<String, Path>,
    /// Names that it passes on, and what they are.
    passes: BTreeMap<String, Path>,
}

/// What is wrong with the imports of one crate. `files` are all of the repository, each with its text.
pub(crate) fn problems(of: &Crate, files: &[(String, String)]) -> Vec<String> {
    let modules = modules(of.source, files);
    let graph = graph(&modules);
    let file = |module: &Path| {
        modules
            .get(module)
            .map_or("", |module| module.file.as_str())
    };
    let mut problems = Vec::new();
    for (from, targets) in &graph {
        for to in targets {
            if let Some(rule) = layers::broken(of, from, to) {
                problems.push(format!("{}: imports {}: {rule}", file(from), file(to)));
            }
        }
    }
    problems.extend(circles(&graph).into_iter().map(|circle| {
        let files: Vec<_> = circle.iter().map(file).collect();
        format!("imports in a circle: {}", files.join(" -> "))
    }));
    problems
}

fn modules(source: &str, files: &[(String, String)]) -> BTreeMap<Path, Module> {
    let mut parsed = BTreeMap::new();
    let mut tests = BTreeSet::new();
    for (file, text) in files {
        let Some(inner) = file
            .strip_prefix(source)
            .and_then(|inner| inner.strip_prefix('/')?.strip_suffix(".rs"))
        else {
            continue;
        };
        // The binary of a crate that is a library has a root of its own.
        let path = module_path(inner);
        // What does not parse does not compile either: the compiler says it better.
        if let (true, Ok(syntax)) = (path != ["main"], syn::parse_file(text)) {
            tests.extend(test_modules(&path, inner, &syntax));
            parsed.insert(path, (file.clone(), syntax));
        }
    }
    let is_test = |path: &Path| (1..=path.len()).any(|end| tests.contains(&path[..end]));
    parsed.retain(|path, _| !is_test(path));
    let known: BTreeSet<Path> = parsed.keys().cloned().collect();
    let read = |(path, (file, syntax)): (Path, (String, File))| {
        let mut module = Module {
            file,
            ..Module::default()
        };
        for item in &syntax.items {
            if let Item::Use(item) = item
                && !is_for_tests(&item.attrs)
            {
                module.take(item, &path, &known);
            }
        }
        for words in paths::spelled_out(&syntax) {
            module.spell(&words, &path, &known);
        }
        (path, module)
    };
    parsed.into_iter().map(read).collect()
}

/// `kernel/ring` and `kernel/ring/mod` are the module `kernel::ring`; `lib` is the root.
fn module_path(inner: &str) -> Path {
    let mut path: Path = inner.split('/').map(str::to_owned).collect();
    let is_root = path.len() == 1 && path[0] == "lib";
    if is_root || path.last().is_some_and(|last| last == "mod") {
        path.pop();
    }
    path
}

/// Modules that a file declares for tests only.
fn test_modules(path: &Path, inner: &str, syntax: &File) -> Vec<Path> {
    let folder = inner.rsplit_once('/').map_or("", |(folder, _)| folder);
    let declared = |item: &Item| {
        let Item::Mod(ItemMod { attrs, ident, .. }) = item else {
            return None;
        };
        let by_name = || [&path[..], &[ident.to_string()]].concat();
        let by_file =
            |file: String| module_path(format!("{folder}/{file}").trim_start_matches('/'));
        is_for_tests(attrs).then(|| named_file(attrs).map_or_else(by_name, by_file))
    };
    syntax.items.iter().filter_map(declared).collect()
}

/// `#[path = "a_tests.rs"]`, without its ending.
fn named_file(attrs: &[Attribute]) -> Option<String> {
    let path = attrs.iter().find(|attr| attr.path().is_ident("path"))?;
    let syn::Meta::NameValue(pair) = &path.meta else {
        return None;
    };
    let syn::Expr::Lit(value) = &pair.value else {
        return None;
    };
    let syn::Lit::Str(text) = &value.lit else {
        return None;
    };
    Some(text.value().trim_end_matches(".rs").to_owned())
}

impl Module {
    /// Takes one `use` of the module at `path`.
    fn take(&mut self, item: &ItemUse, path: &Path, known: &BTreeSet<Path>) {
        let mut leaves = Vec::new();
        spread(&item.tree, &mut Vec::new(), &mut leaves);
        for (words, name) in leaves {
            let Some(target) = absolute(&words, path, known) else {
                continue;
            };
            self.names.insert(name.clone(), target.clone());
            if matches!(item.vis, Visibility::Inherited) {
                self.uses.insert(target);
            } else {
                self.passes.insert(name, target);
            }
        }
    }

    /// Takes a path that is used as it stands; its first word may be a name of this module.
    fn spell(&mut self, words: &[String], path: &Path, known: &BTreeSet<Path>) {
        let named = words.split_first().and_then(|(first, rest)| {
            let target = self.names.get(first)?;
            Some([&target[..], rest].concat())
        });
        self.uses
            .extend(named.or_else(|| absolute(words, path, known)));
    }
}

/// Each name of a `use`: its words, and what it is called here.
fn spread(tree: &UseTree, before: &mut Path, leaves: &mut Vec<(Path, String)>) {
    let mut leaf = |word: String, name: String| {
        let mut words = before.clone();
        if word != "self" {
            words.push(word);
        }
        leaves.push((words, name));
    };
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            spread(&path.tree, before, leaves);
            before.pop();
        }
        UseTree::Name(name) => leaf(name.ident.to_string(), name.ident.to_string()),
        UseTree::Rename(name) => leaf(name.ident.to_string(), name.rename.to_string()),
        UseTree::Glob(_) => leaf("self".to_owned(), "*".to_owned()),
        UseTree::Group(group) => {
            for tree in &group.items {
                spread(tree, before, leaves);
            }
        }
    }
}

/// From the crate's root, or nothing if it is another crate's.
fn absolute(words: &[String], path: &Path, known: &BTreeSet<Path>) -> Option<Path> {
    let mut at = path.clone();
    let mut rest = words;
    match words.first()?.as_str() {
        "crate" => {
            at.clear();
            rest = &rest[1..];
        }
        "self" => rest = &rest[1..],
        "super" => {
            while let Some((first, after)) = rest.split_first()
                && first == "super"
            {
                at.pop();
                rest = after;
            }
        }
        // A module of this one, named without `self`.
        first => {
            at.push(first.to_owned());
            if !known.contains(&at) {
                return None;
            }
            at.pop();
        }
    }
    at.extend_from_slice(rest);
    Some(at)
}

/// Which module imports from which.
fn graph(modules: &BTreeMap<Path, Module>) -> BTreeMap<Path, BTreeSet<Path>> {
    let targets = |(path, module): (&Path, &Module)| {
        let found = module.uses.iter().map(|used| owner(used, modules));
        let others = found.filter(|target| target != path).collect();
        (path.clone(), others)
    };
    modules.iter().map(targets).collect()
}

/// The module that has this name, through all that pass it on.
fn owner(name: &Path, modules: &BTreeMap<Path, Module>) -> Path {
    let mut name = name.clone();
    // So many steps at the most, should names be passed on in a circle.
    for _ in 0..modules.len() {
        let end = (0..=name.len())
            .rev()
            .find(|end| modules.contains_key(&name[..*end]));
        let end = end.unwrap_or(0);
        let passed = name.get(end).and_then(|word| {
            let module = modules.get(&name[..end])?;
            Some([&module.passes.get(word)?[..], &name[end + 1..]].concat())
        });
        match passed {
            Some(next) => name = next,
            None => return name[..end].to_vec(),
        }
    }
    name
}

/// One circle through each group of modules that reach each other.
fn circles(graph: &BTreeMap<Path, BTreeSet<Path>>) -> Vec<Vec<Path>> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for start in graph.keys() {
        if seen.contains(start) {
            continue;
        }
        if let Some(circle) = way_back(start, graph) {
            seen.extend(circle.iter().cloned());
            found.push(circle);
        }
    }
    found
}

/// The shortest way from a module to itself.
fn way_back(start: &Path, graph: &BTreeMap<Path, BTreeSet<Path>>) -> Option<Vec<Path>> {
    let mut ways = vec![vec![start.clone()]];
    let mut reached = BTreeSet::new();
    let mut next = 0;
    while let Some(way) = ways.get(next).cloned() {
        next += 1;
        for to in graph.get(way.last()?).into_iter().flatten() {
            let longer = [&way[..], std::slice::from_ref(to)].concat();
            if to == start {
                return Some(longer);
            }
            if reached.insert(to.clone()) {
                ways.push(longer);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const CRATE: Crate = Crate {
        source: "a/src",
        layers: &[("low", &[]), ("high", &["low"])],
    };

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<_> = files
            .iter()
            .map(|(file, text)| (format!("a/src/{file}"), (*text).to_owned()))
            .collect();
        problems(&CRATE, &files)
    }

    #[test]
    fn imports_run_downward() {
        let down = [
            ("high/mod.rs", "use crate::low::{part::Part, other};"),
            ("low/mod.rs", "pub mod part; pub fn other() {}"),
            ("low/part.rs", "pub struct Part;"),
        ];
        assert_eq!(found(&down), [""; 0]);
        let up = [
            ("high.rs", "pub struct Name;"),
            ("low/part.rs", "use crate::high::Name;"),
        ];
        assert_eq!(found(&up).len(), 1, "{:?}", found(&up));
    }

    #[test]
    fn a_circle_is_named_with_its_files() {
        let circle = [
            ("x.rs", "use super::y::Y;"),
            ("y.rs", "use crate::z;"),
            ("z.rs", "use crate::{x::X, std::fmt};"),
        ];
        let told = found(&circle);
        assert_eq!(
            told,
            ["imports in a circle: a/src/x.rs -> a/src/y.rs -> a/src/z.rs -> a/src/x.rs"]
        );
    }

    #[test]
    fn a_name_that_is_passed_on_belongs_to_the_file_that_has_it() {
        let passed = [
            ("low/mod.rs", "mod part; mod user; pub use part::Part;"),
            ("low/part.rs", "pub struct Part;"),
            ("low/user.rs", "use super::Part;"),
        ];
        assert_eq!(found(&passed), [""; 0]);
        let used = [
            ("low/mod.rs", "mod user; use user::User; pub struct Part;"),
            ("low/user.rs", "use super::Part; pub struct User;"),
        ];
        assert_eq!(found(&used).len(), 1);
    }

    #[test]
    fn a_path_that_is_spelled_out_counts_as_an_import() {
        let up = [
            ("low.rs", "fn f() -> crate::high::Name { todo() }"),
            ("high.rs", "pub struct Name;"),
        ];
        assert_eq!(found(&up).len(), 1, "{:?}", found(&up));
        let circle = [
            ("low/mod.rs", "mod part; fn f() { part::f() } fn g() {}"),
            ("low/part.rs", "pub(in crate::low) fn f() { super::g() }"),
        ];
        assert_eq!(found(&circle).len(), 1, "{:?}", found(&circle));
        let named = [
            (
                "high/mod.rs",
                "mod part; use crate::low; fn f() -> low::Name { part::f() }",
            ),
            (
                "high/part.rs",
                "pub(super) fn f() -> crate::low::Name { todo() } #[cfg(test)] fn t() { super::f() }",
            ),
            ("low.rs", "pub struct Name;"),
        ];
        assert_eq!(found(&named), [""; 0]);
    }

    #[test]
    fn tests_may_look_at_everything() {
        let tests = [
            (
                "low/mod.rs",
                "#[cfg(test)] mod tests; #[cfg(test)] use crate::high::High;",
            ),
            ("low/tests.rs", "use crate::high::High; use super::*;"),
            (
                "low/b.rs",
                "#[cfg(test)] #[path = \"b_tests.rs\"] mod tests;",
            ),
            ("low/b_tests.rs", "use crate::high::High;"),
            ("high.rs", "pub struct High;"),
        ];
        assert_eq!(found(&tests), [""; 0]);
    }
}
