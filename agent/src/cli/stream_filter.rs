//! Which lines of the stream are wanted: what the command line says, else what the configuration does.

use clap::Args;

use super::exit::Failure;
use crate::config::Config;
use crate::filter::{Filter, FilterArgs};

/// Arguments of the commands that write the stream.
#[derive(Args, Debug)]
pub(super) struct StreamFilterArgs {
    #[command(flatten)]
    filter: FilterArgs,

    /// Not even the filter of the configuration file
    #[arg(long, conflicts_with = "FilterArgs")]
    no_filter: bool,
}

impl StreamFilterArgs {
    /// The one that holds.
    pub(super) fn filter(&self, config: &Config) -> Result<Option<Filter>, Failure> {
        if self.no_filter {
            return Ok(None);
        }
        Ok(self.filter.filter()?.or_else(|| config.filter.clone()))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::config::{File, Flags};

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        filter: StreamFilterArgs,
    }

    fn wanted(arguments: &str) -> Option<String> {
        let arguments = std::iter::once("command").chain(arguments.split_whitespace());
        let command = Command::try_parse_from(arguments).unwrap();
        let file = File {
            filter: Some("comm = shop".parse().unwrap()),
            ..File::default()
        };
        let config = Config::new(file, Flags::default());
        let filter = command.filter.filter(&config).unwrap();
        filter.map(|filter| filter.to_string())
    }

    #[test]
    fn a_filter_of_the_command_line_takes_the_place_of_the_configured_one() {
        assert_eq!(wanted("").as_deref(), Some("comm = shop"));
        assert_eq!(wanted("-p 7").as_deref(), Some("pid = 7"));
        assert_eq!(wanted("--no-filter"), None);
        for arguments in ["-p 7", "pid = 7"] {
            let all = ["command", "--no-filter"].into_iter();
            let all = all.chain(arguments.split_whitespace());
            assert!(Command::try_parse_from(all).is_err(), "{arguments}");
        }
    }
}
