//! Packet-exact tests: a scripted TCP peer on a TUN device does what programs cannot be made to do on demand, and
//! the daemon, in another network namespace, must say the right thing about it.
//!
//! Runs as the live tests do, on the host and in guests; `setting` says what the environment chooses. In a guest
//! with virtual time it waits for the kernel's long timers instead.

#[cfg(test)]
mod case;
#[cfg(test)]
mod codec;
#[cfg(test)]
mod link;
#[cfg(test)]
mod peer;
#[cfg(test)]
mod story;

#[cfg(test)]
#[path = "../harness/daemon.rs"]
#[expect(dead_code, reason = "shared with the live tests, which use all of it")]
mod daemon;
#[cfg(test)]
#[path = "../harness/netns.rs"]
#[expect(dead_code, reason = "shared with the live tests, which use all of it")]
mod netns;
#[cfg(test)]
#[path = "../harness/program.rs"]
#[expect(dead_code, reason = "shared with the live tests, which use all of it")]
mod program;
#[cfg(test)]
#[path = "../harness/proof.rs"]
#[expect(dead_code, reason = "shared with the live tests, which use all of it")]
mod proof;
#[cfg(test)]
#[path = "../harness/setting.rs"]
#[expect(dead_code, reason = "shared with the live tests, which use all of it")]
mod setting;
#[cfg(test)]
#[path = "../harness/stream.rs"]
mod stream;
#[cfg(test)]
#[path = "../harness/trial.rs"]
#[expect(dead_code, reason = "shared with the live tests, which use all of it")]
mod trial;
#[cfg(test)]
#[path = "../harness/watch.rs"]
#[expect(dead_code, reason = "shared with the live tests, which use all of it")]
mod watch;
#[cfg(test)]
#[path = "../harness/wire.rs"]
#[expect(dead_code, reason = "shared with the live tests, which use all of it")]
mod wire;

use std::process::ExitCode;

use libtest_mimic::Trial;

use case::{bytes, close, fin, record, reset, silence, timer};
use setting::setting;
use trial::{alone, watching};

fn main() -> ExitCode {
    trial::run(if setting().virtual_time {
        timers()
    } else {
        trials()
    })
}

/// What takes up to hours by the kernel's clock.
fn timers() -> Vec<Trial> {
    vec![
        watching("retransmission_gives_up", timer::retransmission),
        watching("keep_alive_gives_up", timer::keep_alive),
        watching("orphan_s_fin_wait_2_ends", timer::orphan),
        watching("orphan_s_long_fin_wait_2_ends", timer::long_orphan),
        watching("time_wait_ends", timer::time_wait),
        watching("held_fin_wait_2_never_ends", timer::held),
        watching("idle_connection_never_ends", timer::idle),
        watching("leak_stays_one_finding", timer::leak),
    ]
}

fn trials() -> Vec<Trial> {
    vec![
        bytes::trial("checksum_of_rfc_1071", bytes::checksum_of_rfc_1071),
        bytes::trial("captured_packet", bytes::captured_packet),
        bytes::trial("damaged_packet", bytes::damaged_packet),
        watching("data_and_fin_in_one_segment", fin::with_data),
        watching("fin_behind_a_hole", fin::behind_a_hole),
        watching("fin_at_zero_window", fin::at_zero_window),
        watching("fin_repeated", fin::repeated),
        watching("fin_to_a_client", fin::to_a_client),
        watching("rst_after_fin", reset::after_fin),
        watching("rst_after_fin_unflagged", reset::after_fin_unflagged),
        watching("rst_out_of_place", reset::out_of_place),
        watching("peer_has_forgotten", reset::peer_has_forgotten),
        watching("data_after_close", reset::data_after_close),
        watching("simultaneous_close", close::simultaneous),
        watching("peer_keeps_its_side_open", close::peer_keeps_open),
        watching("orphan_in_fin_wait_2", close::orphan),
        alone("refused_segments", record::refused_segments),
        watching("peer_vanishes", silence::vanishes),
        watching("peer_vanishes_half_closed", silence::vanishes_half_closed),
    ]
}
