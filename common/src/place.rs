//! Places of the tables that the agent maps into its memory. A socket's place follows from its address, so that no
//! program searches and no memory is allocated; what finds no place is counted.
//!
//! All times are nanoseconds of `CLOCK_BOOTTIME`, 0 for "not yet".

use crate::socket::Owner;

/// Places of the table of half-closed sockets.
pub const HALF_PLACES: u32 = 1 << 16;
/// Places of the table of openers, unless the agent asks for another power of two.
pub const OPENER_PLACES: u32 = 1 << 14;
/// Places of the table of lives.
pub const LIFE_PLACES: u32 = 1 << 15;
/// Places of the table of marks.
pub const MARK_PLACES: u32 = 1 << 14;

/// 2^64 divided by the golden ratio: numbers that differ in few bits are spread evenly.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The first of a socket's two places in a table of `places`, a power of two. The other one is [`beside`].
#[inline(always)]
#[expect(clippy::inline_always, reason = "the kernel programs must not call it")]
pub const fn index(sock: u64, places: u32) -> u32 {
    // Sockets lie in rows of rows. One product makes rows of those again, and for some sizes of a socket all fall on a
    // few places; the second one, of bits that were mixed, does not.
    let once = sock.wrapping_mul(GOLDEN);
    let spread = (once ^ once >> 32).wrapping_mul(GOLDEN) >> 40;
    spread as u32 & (places - 1)
}

/// The place of the process and the peer it connects to in the table of openers, which has `places`, a power of two.
#[inline(always)]
#[expect(clippy::inline_always, reason = "the kernel programs must not call it")]
pub const fn destination_index(pid: u32, port: u16, peer: [u64; 2], places: u32) -> u32 {
    let process = (pid as u64) << 32 | port as u64;
    index(process ^ (peer[0] ^ peer[1]).rotate_left(17), places)
}

/// The second of two places.
#[inline(always)]
#[expect(clippy::inline_always, reason = "the kernel programs must not call it")]
pub const fn beside(index: u32) -> u32 {
    index ^ 1
}

/// Bits of [`HalfPlace::flags`].
pub mod half_flag {
    /// A receive that returned data took the peer's FIN with it: the application was not told.
    pub const FIN_WITH_DATA: u8 = 1 << 0;
    /// No FIN had come: `fin_ns` is when the connection was reset.
    pub const RESET: u8 = 1 << 1;
    /// Its local port was chosen when it connected. At the end of the connection the port is given back.
    pub const CONNECTED: u8 = 1 << 2;
}

shared! {
    /// A connection that the peer has ended and the application has not closed. Only the kernel programs write it; the
    /// agent may free one whose socket it did not find.
    #[derive(Default)]
    pub struct HalfPlace {
        /// Address of the socket; 0: the place is free. Written last.
        pub sock: u64,
        /// The peer's FIN was accepted.
        pub fin_ns: u64,
        /// The end-of-stream was first handed to the application.
        pub eof_ns: u64,
        /// `tcp_sock.snd_una` at the FIN.
        pub snd_una: u32,
        /// `tcp_sock.write_seq` at the FIN.
        pub write_seq: u32,
        /// `rcv_nxt - copied_seq` at the FIN, which counts as one.
        pub unread: u32,
        /// `tcp_sock.lsndtime` at the FIN, jiffies.
        pub last_sent: u32,
        /// `inet_connection_sock.icsk_ack.lrcvtime` at the FIN, jiffies.
        pub last_received: u32,
        /// How often the end-of-stream was handed to the application.
        pub eof_count: u32,
        /// Process that it was first handed to.
        pub eof_pid: u32,
        /// Bits of [`half_flag`].
        pub flags: u8,
        /// Keeps the fields aligned.
        pub reserved: [u8; 3],
        /// Makes it one cache line.
        pub spare: u64,
    }

    /// Who opened a connection. One place per socket, taken by the next that falls on it; one more for each process and
    /// peer it connects to.
    #[derive(Default)]
    pub struct OpenerPlace {
        /// Address of the socket; 0: the place is free or being written. Written last.
        pub sock: u64,
        /// When.
        pub time_ns: u64,
        /// The process and, as its source, how it opened the connection.
        pub owner: Owner,
        /// Peer's address, network order; IPv4 in the first four bytes.
        pub peer_addr: [u8; 16],
        /// Inode number of the network namespace.
        pub netns: u32,
        /// Peer's port, host order.
        pub peer_port: u16,
        /// Address family.
        pub family: u16,
        /// [`OpenerPlace::seal_of`] what was written: two writers at once leave a place whose seal is wrong.
        pub seal: u64,
    }

    /// The moments of a connection's life, kept while the stream runs.
    #[derive(Default)]
    pub struct LifePlace {
        /// Address of the socket; 0: the place is free. Written last.
        pub sock: u64,
        /// The change to `SYN_SENT` or `SYN_RECV`.
        pub opened_ns: u64,
        /// The change to `ESTABLISHED`.
        pub established_ns: u64,
        /// The peer's FIN was accepted.
        pub fin_received_ns: u64,
        /// The change to `FIN_WAIT1` or `LAST_ACK`.
        pub fin_sent_ns: u64,
        /// The change to `FIN_WAIT2`.
        pub fin_acked_ns: u64,
        /// The last change.
        pub changed_ns: u64,
        /// State before the last change, see [`tcp`](crate::tcp).
        pub from: u8,
        /// State.
        pub state: u8,
        /// Bits of [`life_flag`].
        pub flags: u8,
        /// Keeps the fields aligned.
        pub reserved: u8,
        /// `sk_err` at the last change, an errno.
        pub error: u32,
    }
}

impl OpenerPlace {
    /// What [`seal`](Self::seal) must be.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the kernel programs must not call it")]
    pub const fn seal_of(sock: u64, time_ns: u64, owner: &Owner) -> u64 {
        sock ^ time_ns.rotate_left(1) ^ owner.start_ns.rotate_left(2) ^ (owner.pid as u64) << 32
    }
}

/// Bits of [`LifePlace::flags`], [`StateRecord::flags`](crate::record::StateRecord::flags) and
/// [`EndRecord::flags`](crate::record::EndRecord::flags).
pub mod life_flag {
    /// The local end called connect.
    pub const CLIENT: u8 = 1 << 0;
    /// The local end came out of a listener.
    pub const SERVER: u8 = 1 << 1;
    /// The application called shutdown for its sending side.
    pub const SHUTDOWN: u8 = 1 << 2;
    /// The last reference to the descriptor is gone (`tcp_close`).
    pub const CLOSED: u8 = 1 << 3;
    /// The process that made the last change was ending (`PF_EXITING`).
    pub const EXITING: u8 = 1 << 4;
    /// `SOCK_DONE` at the last change: the peer's FIN was accepted.
    pub const DONE: u8 = 1 << 5;
    /// `SOCK_DEAD` at the last change: no descriptor referred to it any more.
    pub const DEAD: u8 = 1 << 6;
    /// No `struct socket` at the last change: still in the accept queue, or an orphan.
    pub const UNATTACHED: u8 = 1 << 7;
}

const _: () = assert!(size_of::<HalfPlace>() == 64);
const _: () = assert!(size_of::<OpenerPlace>() == 96);
const _: () = assert!(core::mem::offset_of!(OpenerPlace, peer_addr) % 8 == 0);
const _: () = assert!(size_of::<LifePlace>() == 64);

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec;

    use super::*;

    /// Kernels differ in the size of a `tcp_sock` and in how many pages a slab of them has. Slabs lie one behind the other
    /// where a crowd comes at once.
    #[test]
    fn sockets_of_any_size_spread_over_the_table() {
        const SOCKETS: u64 = 20_000;
        for slab in [16_384, 32_768] {
            for size in (2_048..=4_096).step_by(64) {
                let in_slab = slab / size;
                let address = |number: u64| {
                    0xffff_8881_0000_0000 + number / in_slab * slab + number % in_slab * size
                };
                let mut taken = vec![0_u8; HALF_PLACES as usize];
                let mut without = 0;
                for number in 0..SOCKETS {
                    let first = index(address(number), HALF_PLACES);
                    let free = [first, beside(first)]
                        .into_iter()
                        .find(|at| taken[*at as usize] == 0);
                    match free {
                        Some(at) => taken[at as usize] = 1,
                        None => without += 1,
                    }
                }
                // Chance alone: 20,000 sockets over 32,768 pairs leave 4.7 % with more than two in their pair.
                assert!(
                    without < SOCKETS / 15,
                    "{without} of size {size} in slabs of {slab}"
                );
            }
        }
    }

    #[test]
    fn both_places_are_in_the_table() {
        for sock in [0, 1, u64::MAX, 0xffff_8881_0000_0000] {
            let first = index(sock, MARK_PLACES);
            assert!(first < MARK_PLACES && beside(first) < MARK_PLACES);
            assert_eq!(beside(beside(first)), first);
        }
    }
}
