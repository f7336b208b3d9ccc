//! Man pages, one for each command.

use std::io;

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

/// A page: its file's name and its text.
pub(super) type Page = (String, Vec<u8>);

/// The page of the program itself, then those of its commands as far as they are not hidden.
pub(super) fn pages(program: Command) -> io::Result<Vec<Page>> {
    let mut program = program.disable_help_subcommand(true);
    // Gives every command its full name.
    program.build();
    let mut pages = Vec::new();
    collect(&program, &mut pages)?;
    Ok(pages)
}

fn collect(command: &Command, pages: &mut Vec<Page>) -> io::Result<()> {
    pages.push(page(command.clone())?);
    let mut shown = command.get_subcommands().filter(|one| !one.is_hide_set());
    shown.try_for_each(|one| collect(one, pages))
}

fn page(command: Command) -> io::Result<Page> {
    let notes = command.get_after_long_help().or(command.get_after_help());
    let notes = notes.map(ToString::to_string);
    let command = command.after_help(None).after_long_help(None);
    let man = Man::new(command)
        .source(concat!("finback ", env!("CARGO_PKG_VERSION")))
        .manual("finback");
    let mut text = Vec::new();
    man.render(&mut text)?;
    if let Some(notes) = notes {
        verbatim(&notes).to_writer(&mut text)?;
    }
    Ok((man.get_filename(), escaped(&text)))
}

/// The text in letters that every roff reads: some take what is not ASCII for Latin-1.
fn escaped(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(text);
    let letter = |letter: char| match letter {
        '\0'..='\x7f' => String::from(letter),
        other => format!("\\[u{:04X}]", u32::from(other)),
    };
    text.chars().map(letter).collect::<String>().into_bytes()
}

/// Examples in columns: their lines are not to be filled.
fn verbatim(notes: &str) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["NOTES"]).control("nf", []);
    for line in notes.lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
    roff
}
