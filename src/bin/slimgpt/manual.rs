//! The manual page and the shell completions, made from the command-line parser.

use std::io;

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;
use slimgpt::application::{engine, headless};

use crate::cli::Cli;

const NAME: &str = "slimgpt";

pub fn completions(shell: Shell) -> Result<(), engine::Error> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), NAME, &mut script);
    headless::print_text(&String::from_utf8_lossy(&script))
}

/// Prints a single page: the explorer, then a section per command.
pub fn page() -> Result<(), engine::Error> {
    let mut command = Cli::command();
    command.build();
    let mut page = Vec::new();
    Man::new(command.clone()).render(&mut page).map_err(engine::Error::Stdout)?;
    let mut page = String::from_utf8_lossy(&page).replace(".SH EXTRA\nExamples:\n", ".SH EXAMPLES\n.nf\n");
    page = page.replacen("\n.SH VERSION", "\n.fi\n.SH VERSION", 1);
    sections(&command, &mut page).map_err(engine::Error::Stdout)?;
    headless::print_text(&page)
}

fn sections(command: &clap::Command, page: &mut String) -> io::Result<()> {
    // The page begins with the text for `explore`.
    for sub in command.get_subcommands().filter(|sub| !["help", "explore"].contains(&sub.get_name())) {
        if sub.has_subcommands() {
            sections(sub, page)?;
            continue;
        }
        let mut section = Vec::new();
        let man = Man::new(sub.clone());
        man.render_description_section(&mut section)?;
        man.render_synopsis_section(&mut section)?;
        man.render_options_section(&mut section)?;
        man.render_extra_section(&mut section)?;
        let name = sub.get_bin_name().unwrap_or_else(|| sub.get_name()).to_uppercase();
        *page += &format!(".SH \"{name}\"\n");
        // The sections of a command become subsections of its own section, without the lines that start a
        // page.
        for line in String::from_utf8_lossy(&section).lines().filter(|line| !is_said_already(line)) {
            match line.strip_prefix(".SH ") {
                Some("DESCRIPTION") => {}
                Some("EXTRA") => *page += ".SS EXAMPLES\n.nf\n",
                Some(part) => *page += &format!(".SS {part}\n"),
                None => *page += &format!("{line}\n"),
            }
        }
        *page += ".fi\n";
    }
    Ok(())
}

fn is_said_already(line: &str) -> bool {
    line.starts_with(".ie ") || line.starts_with(".el ") || ["Example:", "Examples:"].contains(&line)
}
