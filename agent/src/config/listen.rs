//! Where metrics are served to whoever can reach a port.

use std::net::SocketAddr;
use std::str::FromStr;

/// `metrics_listen`, `--metrics-listen`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MetricsListen {
    /// Nowhere: on the Unix socket only.
    #[default]
    Off,
    /// Here; port 0 is one that the kernel chooses, which the log and the status name.
    At(SocketAddr),
}

impl FromStr for MetricsListen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self::Off);
        }
        let help = "use an address and a port, for example 127.0.0.1:9969 or [::1]:9969, or off";
        text.parse()
            .map(Self::At)
            .map_err(|_unusable| help.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_port_and_names_are_not_looked_up() {
        assert_eq!("off".parse(), Ok(MetricsListen::Off));
        let both = "[::1]:9969".parse();
        assert_eq!(
            both,
            Ok(MetricsListen::At(([0, 0, 0, 0, 0, 0, 0, 1], 9969).into()))
        );
        for wrong in ["127.0.0.1", "localhost:9969", ":9969", ""] {
            assert!(wrong.parse::<MetricsListen>().is_err(), "{wrong}");
        }
    }
}
