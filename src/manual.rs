//! The manual page and the shells' completions, made from what clap parses.

use std::io;

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;
use slimgpt::{engine, headless};

use crate::cli::Cli;

const NAME: &str = "slimgpt";

pub fn completions(shell: Shell) -> Result<(), engine::Error> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), NAME, &mut script);
    headless::print_text(&String::from_utf8_lossy(&script))
}

/// One page: the program itself, then a section for every command.
pub fn page() -> Result<(), engine::Error> {
    let mut command = Cli::command();
    command.build();
    let mut page = Vec::new();
    let written = Man::new(command.clone()).render(&mut page).and_then(|()| sections(&command, &mut page));
    written.map_err(engine::Error::Stdout)?;
    headless::print_text(&String::from_utf8_lossy(&page))
}

fn sections(command: &clap::Command, page: &mut Vec<u8>) -> io::Result<()> {
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        if sub.has_subcommands() {
            sections(sub, page)?;
            continue;
        }
        let mut section = Vec::new();
        let name = sub.get_bin_name().unwrap_or_else(|| sub.get_name()).to_uppercase();
        let man = Man::new(sub.clone());
        man.render_description_section(&mut section)?;
        man.render_synopsis_section(&mut section)?;
        man.render_options_section(&mut section)?;
        man.render_extra_section(&mut section)?;
        // Sections of a command become parts of its own one.
        let section = String::from_utf8_lossy(&section).replace("\n.SH ", "\n.SS ");
        let section = section.strip_prefix(".SH DESCRIPTION\n").unwrap_or(&section);
        page.extend(format!(".SH \"{name}\"\n{section}").bytes());
    }
    Ok(())
}
