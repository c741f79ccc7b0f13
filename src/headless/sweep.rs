//! Runs a sweep: a progress bar over its cells, or a line per cell, then the summary table.

use std::{io::IsTerminal, path::Path, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};

use super::{
    Output,
    columns::{self, Columns},
    print_json, print_text,
    run::{self, Interrupts},
    say,
};
use crate::{
    engine,
    sweep::{self, Asked, Collected, Error, News, Outcome, Place, SessionStatus, Share, Sweep, Table, Work},
    words::{bytes, duration, fewer, perplexities, plural},
};

/// Interval for polling the processes.
const POLL_EVERY: Duration = Duration::from_millis(50);

/// Runs the unfinished cells of a sweep, writes its tables, and prints the summary, or all records as JSON.
///
/// # Errors
/// If the directory cannot be used, a cell was started with other settings, a cell fails, or the sweep is
/// cancelled.
pub fn run(sweep: &Sweep, out: &Path, asked: Asked, output: Output) -> Result<(), Error> {
    let place = Place::new(out)?;
    place.refuse_changed(sweep)?;
    let mut to_run = Vec::new();
    for (at, cell) in sweep.cells.iter().enumerate() {
        // An unreadable cell is reported later, when it is to run.
        if !matches!(place.status(cell, sweep.export), Ok(SessionStatus::Finished)) {
            to_run.push(at);
        }
    }
    let mut failed = 0;
    if !to_run.is_empty() {
        let share = room(sweep, &to_run, asked)?;
        place.write_settings(sweep)?;
        print_start(sweep, to_run.len(), share);
        let ended = drive(sweep, &place, share, to_run);
        // The tables are written even if the sweep failed or was cancelled.
        let collected = sweep::collect(sweep, &place);
        sweep::publish(&collected, &place)?;
        failed = ended?;
    } else {
        place.write_settings(sweep)?;
        say("All cells are finished.");
    }
    emit(sweep, &place, output)?;
    if failed > 0 {
        return Err(Error::Failed { failed, of: sweep.cells.len() });
    }
    Ok(())
}

/// Writes the tables of an existing sweep and prints the summary, or all records as JSON.
///
/// # Errors
/// If the directory contains no sweep or cannot be written.
pub fn collect(out: &Path, output: Output) -> Result<(), Error> {
    let (place, sweep) = Place::open(out)?;
    emit(&sweep, &place, output)
}

/// Writes the settings of all cells and prints a command for each unfinished cell.
///
/// # Errors
/// If the directory cannot be used or a cell was started with other settings.
pub fn commands(sweep: &Sweep, out: &Path, threads: Option<usize>) -> Result<(), Error> {
    let place = Place::new(out)?;
    place.refuse_changed(sweep)?;
    place.write_settings(sweep)?;
    let program = std::env::args_os().next().unwrap_or_else(|| "slimgpt".into());
    let mut text = String::new();
    for cell in &sweep.cells {
        let status = place.status(cell, sweep.export)?;
        if let SessionStatus::InUse(_) = status {
            say(&format!("Cell {}: skipped, because another process is working on it", cell.name));
            continue;
        }
        if status == SessionStatus::Fresh {
            place.make_room(cell)?;
        }
        if let Some(line) = sweep::command((sweep, &place), cell, status, threads) {
            text += &(line.quoted(Path::new(&program)) + "\n");
        }
    }
    Ok(print_text(&text)?)
}

fn room(sweep: &Sweep, to_run: &[usize], asked: Asked) -> Result<Share, Error> {
    let cells: Vec<sweep::Cell> = to_run.iter().map(|&at| sweep.cells[at].clone()).collect();
    // This runs on the engine's thread, so a download shows its progress and can be cancelled.
    let driven = run::drive(
        move |control| {
            let cells: Vec<&sweep::Cell> = cells.iter().collect();
            Ok(sweep::share(&cells, asked, control))
        },
        None,
    );
    driven.result?
}

fn print_start(sweep: &Sweep, to_run: usize, share: Share) {
    let Share { jobs, threads, needs, room } = share;
    let done = sweep.cells.len() - to_run;
    let done = if done > 0 { format!(", {done} already finished") } else { String::new() };
    let threads = threads
        .map_or(String::new(), |threads| format!(" with {} each", plural(threads, "thread", "threads")));
    say(&format!(
        "{}: {} cells{done}; {jobs} at once{threads}; a cell needs up to {}",
        sweep.title,
        sweep.cells.len(),
        bytes(needs)
    ));
    if let Some(room) = room.filter(|room| needs.saturating_mul(jobs as u64) > *room) {
        say(&format!("Warning: only {} of memory is free, which may not be enough", bytes(room)));
    }
}

/// Runs the cells and returns the number of failed ones.
fn drive(sweep: &Sweep, place: &Place, share: Share, to_run: Vec<usize>) -> Result<usize, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(engine::Error::Runtime)?;
    runtime.block_on(async {
        let mut interrupts = Interrupts::listen().map_err(engine::Error::Runtime)?;
        let mut progress = Progress::new(sweep, to_run.len());
        let mut work = Work::new(sweep, place, share, to_run)?;
        let (mut failed, mut cancelled) = (0, false);
        while !work.is_over() {
            for news in work.step()? {
                failed += usize::from(matches!(news, News::Failed(..)));
                progress.emit(&news, sweep, place);
            }
            progress.show_running(work.running().map(|cell| cell.name.as_str()));
            tokio::select! {
                () = tokio::time::sleep(POLL_EVERY) => {}
                () = interrupts.next() => {
                    if !cancelled {
                        progress.say("Cancelling all runs after their current step.");
                    }
                    cancelled = true;
                    work.end();
                }
            }
        }
        progress.finish();
        if cancelled { Err(Error::Cancelled) } else { Ok(failed) }
    })
}

/// Collects the results, writes the tables and prints the summary.
fn emit(sweep: &Sweep, place: &Place, output: Output) -> Result<(), Error> {
    let collected = sweep::collect(sweep, place);
    sweep::publish(&collected, place)?;
    match output {
        Output::Json => print_json(&collected)?,
        Output::Text => print_text(&text(&collected))?,
    }
    for notice in &collected.notices {
        say(&columns::printable(notice));
    }
    say(&format!("Tables and plots: {}", place.file("results.html").display()));
    Ok(())
}

fn text(collected: &Collected) -> String {
    let Table { heads, rows } = sweep::summary(collected);
    let mut columns = Columns::new([]);
    for (head, side) in &heads {
        columns.add(
            head,
            match side {
                sweep::Side::Left => columns::Side::Left,
                sweep::Side::Right => columns::Side::Right,
            },
        );
    }
    for row in rows {
        columns.row(row);
    }
    let facts: String = collected.facts().iter().map(|fact| columns::printable(fact) + "\n").collect();
    format!("{columns}\n{facts}")
}

/// Progress on stderr.
enum Progress {
    Bar(ProgressBar),
    Lines { done: usize, of: usize },
}

impl Progress {
    fn new(sweep: &Sweep, to_run: usize) -> Self {
        let of = sweep.cells.len();
        let done = of - to_run;
        if !std::io::stderr().is_terminal() {
            return Self::Lines { done, of };
        }
        let style =
            ProgressStyle::with_template("{bar:24} {pos}/{len}  {elapsed} elapsed, {eta} left  {wide_msg}");
        let bar = ProgressBar::new(of as u64).with_position(done as u64);
        Self::Bar(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
    }

    fn emit(&mut self, news: &News, sweep: &Sweep, place: &Place) {
        let name = |at: usize| sweep.cells[at].name.as_str();
        match news {
            News::Started(_) => {}
            News::Waits(at, pid) => {
                let who = pid.map_or_else(|| "another process".into(), |pid| format!("process {pid}"));
                self.say(&format!("Cell {}: waiting for {who}, which is working on it", name(*at)));
            }
            News::Done(at) => {
                let record = sweep::collect_one(&sweep.cells[*at], place, sweep.export);
                let result = record.outcome.as_ref().map(result).unwrap_or_default();
                self.cell_done(&format!("{}{result}", name(*at)));
            }
            News::Failed(at, cause) => {
                let log = place.log_of(&sweep.cells[*at]);
                self.cell_done(&format!("{} failed: {cause} (log: {})", name(*at), log.display()));
            }
        }
    }

    /// Counts a finished cell and prints its line.
    fn cell_done(&mut self, what: &str) {
        match self {
            Self::Bar(bar) => {
                bar.inc(1);
                bar.println(what);
            }
            Self::Lines { done, of } => {
                *done += 1;
                say(&format!("[{done}/{of}] {what}"));
            }
        }
    }

    fn show_running<'n>(&self, names: impl Iterator<Item = &'n str>) {
        if let Self::Bar(bar) = self {
            bar.set_message(names.collect::<Vec<_>>().join(", "));
            bar.tick();
        }
    }

    fn say(&self, line: &str) {
        match self {
            Self::Bar(bar) => bar.println(line),
            Self::Lines { .. } => say(line),
        }
    }

    fn finish(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

/// The result of a cell, such as `: perplexity 1.8739 → 1.8957, 26.1 % fewer parameters, 12.3 s`.
fn result(outcome: &Outcome) -> String {
    let measured = outcome.perplexity.as_ref().filter(|record| record.after.is_some());
    let perplexity =
        measured.map_or(String::new(), |record| format!("perplexity {}, ", perplexities(record)));
    format!(
        ": {perplexity}{} fewer parameters, {}",
        fewer(outcome.parameters_before, outcome.parameters_after),
        duration(outcome.seconds.total)
    )
}
