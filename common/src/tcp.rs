//! TCP states as the kernel numbers them (`include/net/tcp_states.h`).

/// `TCP_ESTABLISHED`.
pub const ESTABLISHED: u8 = 1;
/// `TCP_SYN_SENT`.
pub const SYN_SENT: u8 = 2;
/// `TCP_SYN_RECV`.
pub const SYN_RECV: u8 = 3;
/// `TCP_FIN_WAIT1`.
pub const FIN_WAIT1: u8 = 4;
/// `TCP_FIN_WAIT2`.
pub const FIN_WAIT2: u8 = 5;
/// `TCP_TIME_WAIT`.
pub const TIME_WAIT: u8 = 6;
/// `TCP_CLOSE`.
pub const CLOSE: u8 = 7;
/// `TCP_CLOSE_WAIT`.
pub const CLOSE_WAIT: u8 = 8;
/// `TCP_LAST_ACK`.
pub const LAST_ACK: u8 = 9;
/// `TCP_LISTEN`.
pub const LISTEN: u8 = 10;
/// `TCP_CLOSING`.
pub const CLOSING: u8 = 11;
/// `TCP_NEW_SYN_RECV`, a request socket.
pub const NEW_SYN_RECV: u8 = 12;

/// `AF_INET`.
pub const AF_INET: u16 = 2;
/// `AF_INET6`.
pub const AF_INET6: u16 = 10;
/// `IPPROTO_TCP`.
pub const IPPROTO_TCP: u16 = 6;
/// `SOCK_BINDPORT_LOCK` of `sk_userlocks`: the application asked for this local port.
pub const BINDPORT_LOCK: u8 = 8;
/// `SOCK_KEEPOPEN` among the low bits of `skc_flags` (bit 3 of `enum sock_flags`): keep-alive is on.
pub const SOCK_KEEPOPEN: u8 = 1 << 3;
/// FIN in the TCP header's flag byte.
pub const FLAG_FIN: u8 = 0x01;
/// RST in the TCP header's flag byte.
pub const FLAG_RST: u8 = 0x04;
