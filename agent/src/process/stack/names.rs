//! From addresses in files to functions, files and lines. Remembered under the file's build id: a second process of
//! the same program, in whatever container, costs nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use blazesym::Pid;
use blazesym::symbolize::source::{Elf, Process, Source};
use blazesym::symbolize::{CodeInfo, Input, Reason as Unnamed, Sym, Symbolized, Symbolizer};
use rustc_hash::FxHashMap;

use super::image::Place as Lies;
use super::keeper::Kept;
use super::module::{Identity, Module};
use super::unwind::{Spot, Trace};
use super::{Frame, Name, Place, Reason, Stack};
use finback_core::model::socket::ProcessId;

/// Addresses remembered at most.
const MAX: usize = 16 << 10;
/// Debug information takes much memory: it is given back after so long without a question.
pub(super) const IDLE: Duration = Duration::from_secs(30);

/// Names of one address, innermost function first: more than one where functions were inlined.
type Names = Arc<[Name]>;

/// Makes names.
pub(super) struct Namer {
    symbolizer: Option<Symbolizer>,
    known: FxHashMap<(Identity, u64), Names>,
    /// Time spent in reading and looking up.
    pub(super) spent: Duration,
}

impl Namer {
    pub(super) fn new() -> Self {
        Self {
            symbolizer: None,
            known: FxHashMap::default(),
            spent: Duration::ZERO,
        }
    }

    /// Gives back the memory of debug information; what was found stays.
    pub(super) fn rest(&mut self) {
        self.symbolizer = None;
    }

    /// A stack with names.
    pub(super) fn name(&mut self, kept: &Kept) -> Stack {
        let (frames, truncated, absence) = match &kept.trace {
            Ok(trace) => (self.frames(trace, kept.process), trace.truncated, None),
            Err(absence) => (Vec::new(), false, Some(*absence)),
        };
        Stack {
            kind: kept.kind,
            pid: kept.process.pid,
            thread: kept.thread,
            thread_name: kept.thread_name.clone(),
            time: kept.time,
            syscall: kept.syscall.clone(),
            truncated,
            absence,
            frames,
        }
    }

    fn frames(&mut self, trace: &Trace, process: ProcessId) -> Vec<Frame> {
        self.look_up(trace);
        let spots = trace.spots.iter();
        spots.flat_map(|spot| self.spot(spot, process)).collect()
    }

    /// Looks up what is not known yet, all addresses of one file at once.
    fn look_up(&mut self, trace: &Trace) {
        if self.known.len() >= MAX {
            self.known.clear();
        }
        let mut unknown: Vec<(&Arc<Module>, Vec<u64>)> = Vec::new();
        for spot in &trace.spots {
            let Lies::File(module, address) = &spot.place else {
                continue;
            };
            if self
                .known
                .contains_key(&(module.identity.clone(), *address))
            {
                continue;
            }
            match unknown
                .iter_mut()
                .find(|(known, _)| Arc::ptr_eq(known, module))
            {
                Some((_, addresses)) => addresses.push(*address),
                None => unknown.push((module, vec![*address])),
            }
        }
        for (module, addresses) in unknown {
            let before = Instant::now();
            let symbolizer = self.symbolizer.get_or_insert_with(symbolizer);
            let names = look_up(symbolizer, module, &addresses);
            self.spent += before.elapsed();
            let names = addresses.into_iter().zip(names);
            self.known
                .extend(names.map(|(address, names)| ((module.identity.clone(), address), names)));
        }
    }

    fn spot(&mut self, spot: &Spot, process: ProcessId) -> Vec<Frame> {
        let unknown = |reason| Arc::from([Name::Unknown(reason)]);
        let mut frame = Frame {
            address: spot.address,
            module: None,
            build_id: None,
            offset: None,
            name: Name::Unknown(Reason::Unmapped),
        };
        let names: Names = match &spot.place {
            Lies::File(module, address) => {
                frame.module = Some(Arc::clone(&module.path));
                frame.build_id.clone_from(&module.build_id);
                frame.offset = Some(address + spot.back);
                let key = (module.identity.clone(), *address);
                self.known
                    .get(&key)
                    .map_or_else(|| unknown(Reason::NoSymbolHere), Arc::clone)
            }
            Lies::Strange(path) => {
                frame.module = Some((&**path).into());
                unknown(Reason::Unreadable)
            }
            Lies::Vdso => {
                frame.module = Some("[vdso]".into());
                unknown(Reason::Vdso)
            }
            Lies::Anonymous => self.generated(spot.address - spot.back, process),
        };
        names
            .iter()
            .map(|name| Frame {
                name: name.clone(),
                ..frame.clone()
            })
            .collect()
    }

    /// Code that the process made itself has names if its runtime keeps a perf map, and as long as it lives.
    fn generated(&mut self, address: u64, process: ProcessId) -> Names {
        let before = Instant::now();
        let symbolizer = self.symbolizer.get_or_insert_with(symbolizer);
        let source = Source::Process(Process::new(Pid::from(process.pid)));
        let found = if super::super::has_ended(process) {
            None
        } else {
            symbolizer
                .symbolize_single(&source, Input::AbsAddr(address))
                .ok()
        };
        let names = match found {
            Some(Symbolized::Sym(symbol)) => named(&symbol),
            Some(Symbolized::Unknown(_)) | None => {
                Arc::from([Name::Unknown(Reason::GeneratedCode)])
            }
        };
        self.spent += before.elapsed();
        names
    }
}

fn symbolizer() -> Symbolizer {
    Symbolizer::builder().enable_inlined_fns(true).build()
}

/// One entry per address.
fn look_up(symbolizer: &Symbolizer, module: &Module, addresses: &[u64]) -> Vec<Names> {
    let mut file = Elf::new(module.open_path());
    let input = Input::VirtOffset(addresses);
    let found = symbolizer.symbolize(&Source::Elf(file.clone()), input);
    let found = found.or_else(|error| {
        tracing::debug!(%error, path = &*module.path, "no debug information");
        file.debug_syms = false;
        symbolizer.symbolize(&Source::Elf(file), input)
    });
    match found {
        Ok(found) => found.iter().map(names).collect(),
        Err(error) => {
            tracing::debug!(%error, path = &*module.path, "no symbols");
            let unreadable: Names = Arc::from([Name::Unknown(Reason::Unreadable)]);
            vec![unreadable; addresses.len()]
        }
    }
}

fn names(found: &Symbolized<'_>) -> Names {
    match found {
        Symbolized::Sym(symbol) => named(symbol),
        Symbolized::Unknown(Unnamed::MissingSyms) => Arc::from([Name::Unknown(Reason::NoSymbols)]),
        Symbolized::Unknown(_) => Arc::from([Name::Unknown(Reason::NoSymbolHere)]),
    }
}

/// The inlined functions, innermost first, then the one they are in.
fn named(symbol: &Sym<'_>) -> Names {
    let inlined = symbol.inlined.iter().rev();
    let inlined = inlined.map(|function| place(&function.name, function.code_info.as_ref(), true));
    let outer = place(&symbol.name, symbol.code_info.as_deref(), false);
    inlined.chain([outer]).collect()
}

fn place(function: &str, code: Option<&CodeInfo<'_>>, inlined: bool) -> Name {
    Name::Known(Arc::new(Place {
        function: function.into(),
        file: code.map(|code| code.to_path().to_string_lossy().into()),
        line: code.and_then(|code| code.line),
        inlined,
    }))
}
