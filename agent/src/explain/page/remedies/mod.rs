//! What to change, in general and in the code of this runtime.

mod fix;
mod go;
mod java;
mod native;
mod node;
mod php;
mod python;
mod ruby;

use self::fix::of;
use super::super::case::Case;
use super::super::runtime::Runtime;
use crate::output::json::{Role, Verdict};

pub(super) fn section(case: &Case<'_, '_>) -> Vec<String> {
    let Some(finding) = case.finding() else {
        return Vec::new();
    };
    // Whoever is stopped is not to be changed.
    if finding.evidence.halted.is_some() {
        return vec![finding.hint.clone().into_owned()];
    }
    let mut all = vec![general(&finding.hint).to_owned()];
    all.extend(code(finding.verdict, case.role(), case.runtime()));
    all
}

/// A hint without what it says of the runtime: here that is said at length.
pub(in super::super) fn general(hint: &str) -> &str {
    const RUNTIMES: [&str; 5] = [
        " In Java: ",
        " In Python: ",
        " In Node.js: ",
        " In PHP: ",
        " In Ruby: ",
    ];
    let mut starts = RUNTIMES.iter().filter_map(|start| hint.find(start));
    starts.next().map_or(hint, |at| &hint[..at])
}

/// In the words of a runtime.
pub(in super::super) fn code(verdict: Verdict, role: Role, runtime: Runtime) -> Vec<String> {
    let fix = of(verdict, role);
    let (name, words) = match runtime {
        Runtime::Go => ("In Go: ", go::advice(fix)),
        Runtime::Java => ("In Java: ", java::advice(fix)),
        Runtime::Python => ("In Python: ", python::advice(fix)),
        Runtime::Node => ("In Node.js: ", node::advice(fix)),
        Runtime::Ruby => ("In Ruby: ", ruby::advice(fix)),
        Runtime::Php => ("In PHP: ", php::advice(fix)),
        Runtime::Native => ("In C, C++ or Rust: ", native::advice(fix)),
    };
    let mut all = vec![format!("{name}{words}")];
    // No name tells a program in Go from one in C.
    if runtime == Runtime::Native {
        all.push(format!("If it is written in Go: {}", go::advice(fix)));
    }
    all
}
