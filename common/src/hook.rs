//! The table of hooks: one row per kernel program, read by the kernel crate (ids), the agent (what to attach
//! where), `finback doctor` and the tests.

/// What we want to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Signal {
    /// The peer's FIN was accepted.
    Half,
    /// A reset was accepted.
    Reset,
    /// End-of-stream handed to the application.
    Eof,
    /// Who connected.
    Open,
    /// Who accepted.
    Accept,
    /// The socket's memory is freed.
    Release,
    /// Every change of state.
    State,
    /// FIN or RST on the wire.
    Segment,
    /// `TIME_WAIT` entry and exit.
    TimeWait,
    /// The application called shutdown.
    Shutdown,
    /// The application closed its last descriptor.
    Close,
}

impl Signal {
    /// All signals, in the order of the table in `finback doctor`.
    pub const ALL: &'static [Self] = &[
        Self::Half,
        Self::Reset,
        Self::Eof,
        Self::Open,
        Self::Accept,
        Self::Release,
        Self::State,
        Self::Segment,
        Self::TimeWait,
        Self::Shutdown,
        Self::Close,
    ];

    /// Name in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Half => "half",
            Self::Reset => "reset",
            Self::Eof => "eof",
            Self::Open => "open",
            Self::Accept => "accept",
            Self::Release => "release",
            Self::State => "state",
            Self::Segment => "segment",
            Self::TimeWait => "time_wait",
            Self::Shutdown => "shutdown",
            Self::Close => "close",
        }
    }

    /// Whether its hooks are attached all the time: what they tell leaves no trace that a look could find. The others
    /// come with somebody who asks for what they tell.
    pub const fn is_always_attached(self) -> bool {
        matches!(
            self,
            Self::Half | Self::Reset | Self::Eof | Self::Open | Self::Accept | Self::Release
        )
    }
}

/// How this kernel lets us know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flavour {
    /// BTF tracepoint.
    Tracepoint,
    /// Function entry or exit through the BPF trampoline.
    Fentry,
    /// kprobe on function entry.
    Kprobe,
}

impl Flavour {
    /// All flavours, cheapest first.
    pub const ALL: &'static [Self] = &[Self::Tracepoint, Self::Fentry, Self::Kprobe];

    /// Name in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tracepoint => "tracepoint",
            Self::Fentry => "fentry",
            Self::Kprobe => "kprobe",
        }
    }
}

/// Type of the kernel program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `BPF_PROG_TYPE_KPROBE` at function entry.
    Kprobe,
    /// `BPF_TRACE_FENTRY`.
    Fentry,
    /// `BPF_TRACE_FEXIT`.
    Fexit,
    /// `BPF_TRACE_RAW_TP`.
    BtfTracepoint,
}

macro_rules! hooks {
    ($($variant:ident = $program:literal, $signal:ident, $flavour:ident, $kind:ident, $target:literal, $need:ident;)+) => {
        /// One kernel program.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Hook {
            $(#[doc = concat!("`", $target, "`, program `", $program, "`.")] $variant,)+
        }

        impl Hook {
            /// All of them, in the order of their index into `HITS`.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Name of the program in the object.
            pub const fn program(self) -> &'static str {
                match self { $(Self::$variant => $program,)+ }
            }

            /// The signal it serves.
            pub const fn signal(self) -> Signal {
                match self { $(Self::$variant => Signal::$signal,)+ }
            }

            /// The flavour it belongs to.
            pub const fn flavour(self) -> Flavour {
                match self { $(Self::$variant => Flavour::$flavour,)+ }
            }

            /// Its type.
            pub const fn kind(self) -> Kind {
                match self { $(Self::$variant => Kind::$kind,)+ }
            }

            /// Kernel function or tracepoint.
            pub const fn target(self) -> &'static str {
                match self { $(Self::$variant => $target,)+ }
            }

            /// Whether it is a second program on the same hook: the kernel skips a program where it would run inside
            /// itself, and its twin sees what it missed. Of the two the one that runs first works.
            pub const fn is_copy(self) -> bool {
                matches!(self, Self::FeSetStateAgain | Self::TpSetStateAgain)
            }

            /// Whether the signal is complete in this flavour only with this hook.
            pub const fn required(self) -> bool {
                matches!((match self { $(Self::$variant => Need::$need,)+ }), Need::Required)
            }
        }
    };
}

/// Whether a flavour can do without the hook.
enum Need {
    Required,
    Extra,
}

hooks! {
    KpFin = "kp_tcp_fin", Half, Kprobe, Kprobe, "tcp_fin", Required;
    FeFin = "fe_tcp_fin", Half, Fentry, Fentry, "tcp_fin", Required;

    TpReceiveReset = "tp_tcp_receive_reset", Reset, Tracepoint, BtfTracepoint, "tcp_receive_reset", Required;

    KpCleanupRbuf = "kp_tcp_cleanup_rbuf", Eof, Kprobe, Kprobe, "tcp_cleanup_rbuf", Required;
    KpSpliceRead = "kp_tcp_splice_read", Eof, Kprobe, Kprobe, "tcp_splice_read", Extra;
    FeCleanupRbuf = "fe_tcp_cleanup_rbuf", Eof, Fentry, Fentry, "tcp_cleanup_rbuf", Required;
    FxRecvmsg = "fx_inet_recvmsg", Eof, Fentry, Fexit, "inet_recvmsg", Extra;
    FxRecvmsg6 = "fx_inet6_recvmsg", Eof, Fentry, Fexit, "inet6_recvmsg", Extra;
    FxSpliceRead = "fx_tcp_splice_read", Eof, Fentry, Fexit, "tcp_splice_read", Extra;
    TpRecvLength = "tp_sock_recv_length", Eof, Tracepoint, BtfTracepoint, "sock_recv_length", Required;

    KpConnect = "kp_tcp_connect", Open, Kprobe, Kprobe, "tcp_connect", Required;
    FeConnect = "fe_tcp_connect", Open, Fentry, Fentry, "tcp_connect", Required;

    KpSockGraft = "kp_security_sock_graft", Accept, Kprobe, Kprobe, "security_sock_graft", Required;
    FeSockGraft = "fe_security_sock_graft", Accept, Fentry, Fentry, "security_sock_graft", Required;

    TpDestroySock = "tp_tcp_destroy_sock", Release, Tracepoint, BtfTracepoint, "tcp_destroy_sock", Required;

    KpSetState = "kp_tcp_set_state", State, Kprobe, Kprobe, "tcp_set_state", Required;
    FeSetState = "fe_tcp_set_state", State, Fentry, Fentry, "tcp_set_state", Required;
    FeSetStateAgain = "fe_tcp_set_state_again", State, Fentry, Fentry, "tcp_set_state", Extra;
    TpSetState = "tp_inet_sock_set_state", State, Tracepoint, BtfTracepoint, "inet_sock_set_state", Required;
    TpSetStateAgain = "tp_inet_sock_set_state_again", State, Tracepoint, BtfTracepoint, "inet_sock_set_state", Extra;

    KpRcvEstablished = "kp_tcp_rcv_established", Segment, Kprobe, Kprobe, "tcp_rcv_established", Required;
    KpRcvStateProcess = "kp_tcp_rcv_state_process", Segment, Kprobe, Kprobe, "tcp_rcv_state_process", Required;
    FeRcvEstablished = "fe_tcp_rcv_established", Segment, Fentry, Fentry, "tcp_rcv_established", Required;
    FeRcvStateProcess = "fe_tcp_rcv_state_process", Segment, Fentry, Fentry, "tcp_rcv_state_process", Required;
    TpProbe = "tp_tcp_probe", Segment, Tracepoint, BtfTracepoint, "tcp_probe", Required;

    KpTimeWait = "kp_tcp_time_wait", TimeWait, Kprobe, Kprobe, "tcp_time_wait", Required;
    KpTwskKill = "kp_inet_twsk_kill", TimeWait, Kprobe, Kprobe, "inet_twsk_kill", Required;
    FxTwskAlloc = "fx_inet_twsk_alloc", TimeWait, Fentry, Fexit, "inet_twsk_alloc", Required;
    FeTwskKill = "fe_inet_twsk_kill", TimeWait, Fentry, Fentry, "inet_twsk_kill", Required;

    KpShutdown = "kp_inet_shutdown", Shutdown, Kprobe, Kprobe, "inet_shutdown", Required;
    FeShutdown = "fe_inet_shutdown", Shutdown, Fentry, Fentry, "inet_shutdown", Required;

    KpClose = "kp_tcp_close", Close, Kprobe, Kprobe, "tcp_close", Required;
    FeClose = "fe_tcp_close", Close, Fentry, Fentry, "tcp_close", Required;
}

/// Number of hooks.
pub const COUNT: usize = Hook::ALL.len();
