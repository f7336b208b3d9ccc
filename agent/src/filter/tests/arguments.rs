//! The short forms of bcc's tools.

use clap::Parser;

use super::super::{Error, FilterArgs};

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    filter: FilterArgs,
}

fn canonical(args: &str) -> Result<Option<String>, Error> {
    let args = std::iter::once("command").chain(args.split_whitespace());
    let command = Command::try_parse_from(args).unwrap();
    let filter = command.filter.filter()?;
    Ok(filter.map(|filter| filter.to_string()))
}

#[test]
fn short_forms_and_text_become_one_filter() {
    for (args, filter) in [
        ("-p 1,2", "pid = 1,2"),
        ("-L 80,443", "sport = :80,:443"),
        ("-D 5432", "dport = :5432"),
        ("-4", "family = ipv4"),
        ("-4 -6", "family = ipv4,ipv6"),
        ("--netns 4026531840", "netns = 4026531840"),
        (
            "state close-wait sport = :80",
            "state = close_wait and sport = :80",
        ),
        (
            "comm nginx or comm curl -p 1",
            "(comm = nginx or comm = curl) and pid = 1",
        ),
        (
            "( pid = 1 ) -6 -L 1 -D 2",
            "pid = 1 and sport = :1 and dport = :2 and family = ipv6",
        ),
    ] {
        assert_eq!(canonical(args).unwrap().as_deref(), Some(filter), "{args}");
    }
}

#[test]
fn no_arguments_are_no_filter_and_wrong_ones_an_error() {
    assert_eq!(canonical("").unwrap(), None);
    assert_eq!(canonical("-p 1 pit = 1").unwrap_err().column(), 1);
}
