//! What can go wrong between the agent and the kernel, and whose fault it is.

use std::io;

use aya::EbpfError;
use aya::maps::MapError;
use finback_common::hook::Signal;
use thiserror::Error;

use super::btf::BtfError;

/// Whose fault an error is: the exit code follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The caller may not: exit code 3.
    NotPermitted,
    /// This kernel lacks what is needed: exit code 4.
    KernelLacks,
    /// Anything else: exit code 1.
    Other,
}

/// How to get the permission, for every message about a missing one.
pub(super) const GRANT: &str = "run as root, or grant it once: setcap cap_bpf,cap_perfmon,cap_sys_ptrace,\
cap_dac_read_search,cap_net_admin,cap_sys_admin,cap_syslog+ep /path/to/finback (before Linux 5.11 cap_sys_resource, too)";

/// Why the kernel side cannot work.
#[derive(Debug, Error)]
pub enum KernelError {
    /// Too old.
    #[error(
        "Linux {release} is too old: 5.10 is the first version whose BPF ring buffer, iterators and BTF suffice"
    )]
    TooOld {
        /// `uname -r`.
        release: String,
    },
    /// No type information.
    #[error(
        "cannot read {}: the kernel must be built with CONFIG_DEBUG_INFO_BTF=y, \
             because the offsets of its structs are taken from there ({source})",
        super::btf::PATH
    )]
    NoBtf {
        /// What the kernel said.
        source: io::Error,
    },
    /// Type information that cannot be read.
    #[error("cannot understand {}", super::btf::PATH)]
    Btf(#[source] BtfError),
    /// A struct member without which no program works.
    #[error("{0}, without which no program can work")]
    Member(BtfError),
    /// A capability is missing.
    #[error("missing {missing}, needed to {why}; {GRANT}")]
    Capability {
        /// Names of the capabilities.
        missing: String,
        /// What for.
        why: &'static str,
    },
    /// Processes have other numbers here than in the kernel.
    #[error(
        "this is a pid namespace of its own: the kernel names processes by numbers that mean others here; run in the \
         host's (docker run --pid=host, hostPID: true in Kubernetes)"
    )]
    PidNamespace,
    /// `bpf(2)` was refused although the capabilities are there.
    #[error(
        "the kernel refuses bpf(2) ({source}) although the capabilities are there: in a container or user namespace \
         they do not count, and lockdown=confidentiality forbids it; {GRANT}"
    )]
    Refused {
        /// What the kernel said.
        source: EbpfError,
    },
    /// Places of the table of openers.
    #[error("{places} places for openers: it must be a power of two from 64 to 1,048,576")]
    OpenerPlaces {
        /// What was asked for.
        places: u32,
    },
    /// Size of the ring buffer.
    #[error(
        "ring size of {bytes} bytes: it must be a power of two and a multiple of the page size ({page} bytes)"
    )]
    RingSize {
        /// What was asked for.
        bytes: u32,
        /// Size of a page.
        page: usize,
    },
    /// The object was not accepted.
    #[error("cannot load the kernel programs")]
    Load(#[source] Box<EbpfError>),
    /// The object lacks something the agent needs: a broken build.
    #[error("the kernel object has no {0}: agent and object were not built together")]
    Object(&'static str),
    /// A map could not be used.
    #[error("cannot use map {name}")]
    Map {
        /// Its name.
        name: &'static str,
        /// What the kernel said.
        #[source]
        source: Box<MapError>,
    },
    /// A signal without which the agent is blind.
    #[error("this kernel offers no way to see the signal \"{}\": {reasons}", signal.name())]
    NoSignal {
        /// The signal.
        signal: Signal,
        /// Every flavour with the reason why not.
        reasons: String,
    },
    /// A read from the system.
    #[error("cannot {what}")]
    Io {
        /// What was being done.
        what: &'static str,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
}

impl KernelError {
    /// Whose fault it is.
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Capability { .. } | Self::Refused { .. } | Self::PidNamespace => {
                ErrorKind::NotPermitted
            }
            Self::TooOld { .. }
            | Self::NoBtf { .. }
            | Self::Btf(_)
            | Self::Member(_)
            | Self::NoSignal { .. } => ErrorKind::KernelLacks,
            Self::RingSize { .. }
            | Self::OpenerPlaces { .. }
            | Self::Load(_)
            | Self::Object(_)
            | Self::Map { .. }
            | Self::Io { .. } => ErrorKind::Other,
        }
    }

    pub(super) fn map(name: &'static str, source: MapError) -> Self {
        Self::Map {
            name,
            source: Box::new(source),
        }
    }

    /// Sorts a failed load: permission, or a broken object.
    pub(super) fn load(source: EbpfError) -> Self {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&source);
        while let Some(error) = cause {
            let io = error.downcast_ref::<io::Error>();
            if io.is_some_and(|io| io.kind() == io::ErrorKind::PermissionDenied) {
                return Self::Refused { source };
            }
            cause = error.source();
        }
        Self::Load(Box::new(source))
    }
}
