//! A sweep without a screen: a bar over its cells or a line each, then the table.

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
    config::ByteSize,
    engine,
    sweep::{self, Asked, Collected, Error, News, Outcome, Place, SessionStatus, Share, Sweep, Table, Work},
};

/// From one look at the processes to the next.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Runs what is missing of a sweep, writes its tables, and prints the summary or all records.
///
/// # Errors
/// Settings that cannot be, a place that cannot be written to, cells that failed.
pub fn run(sweep: &Sweep, out: &Path, asked: Asked, output: Output) -> Result<(), Error> {
    let place = Place::new(out)?;
    place.refuse_changed(sweep)?;
    let mut to_run = Vec::new();
    for (at, cell) in sweep.cells.iter().enumerate() {
        // What cannot be read is told when its turn comes.
        if !matches!(place.status(cell, sweep.export), Ok(SessionStatus::Finished)) {
            to_run.push(at);
        }
    }
    let mut failed = 0;
    if !to_run.is_empty() {
        let share = room(sweep, &to_run, asked)?;
        place.serialised(sweep)?;
        print_start(sweep, to_run.len(), share);
        let ended = drive(sweep, &place, share, to_run);
        // Half a table is better than none, also where the work was broken off.
        let collected = sweep::collect(sweep, &place);
        sweep::publish(&collected, &place)?;
        failed = ended?;
    } else {
        place.serialised(sweep)?;
        say("All cells are finished.");
    }
    emit(sweep, &place, output)?;
    if failed > 0 {
        return Err(Error::Failed { failed, of: sweep.cells.len() });
    }
    Ok(())
}

/// Makes the tables of what is there.
///
/// # Errors
/// A directory without a sweep, or that cannot be written to.
pub fn collect(out: &Path, output: Output) -> Result<(), Error> {
    let (place, sweep) = Place::open(out)?;
    emit(&sweep, &place, output)
}

/// Prints a command for each cell that is not finished; the settings that they name are laid down.
///
/// # Errors
/// As [`run`], but for the cells'.
pub fn commands(sweep: &Sweep, out: &Path, threads: Option<usize>) -> Result<(), Error> {
    let place = Place::new(out)?;
    place.refuse_changed(sweep)?;
    place.serialised(sweep)?;
    let program = std::env::args_os().next().unwrap_or_else(|| "slimgpt".into());
    let mut text = String::new();
    for cell in &sweep.cells {
        let status = place.status(cell, sweep.export)?;
        if let SessionStatus::InUse(_) = status {
            say(&format!("Cell {}: another process works on it, so it is left out", cell.name));
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
    // On the engine's thread, so that a download is shown and can be broken off.
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
    let done = if done > 0 { format!(", {done} are finished") } else { String::new() };
    let threads = threads.map_or(String::new(), |threads| match threads {
        1 => " with one thread each".into(),
        threads => format!(" with {threads} threads each"),
    });
    say(&format!(
        "{}: {} cells{done}; {jobs} at once{threads}, each needs up to {}",
        sweep.title,
        sweep.cells.len(),
        ByteSize(needs)
    ));
    if let Some(room) = room.filter(|room| needs.saturating_mul(jobs as u64) > *room) {
        say(&format!("Warning: {} are free, which may not be enough", ByteSize(room)));
    }
}

/// Runs the cells; returns how many failed.
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
            progress.at_work(work.running().map(|cell| cell.name.as_str()));
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = interrupts.next() => {
                    if !cancelled {
                        progress.say("Cancelling: the runs end after this step.");
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

/// Collects, writes and prints.
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
            ProgressStyle::with_template("{bar:24} {pos}/{len}  {elapsed} gone, {eta} left  {wide_msg}");
        let bar = ProgressBar::new(of as u64).with_position(done as u64);
        Self::Bar(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
    }

    fn emit(&mut self, news: &News, sweep: &Sweep, place: &Place) {
        let name = |at: usize| sweep.cells[at].name.as_str();
        match news {
            News::Started(_) => {}
            News::Waits(at, pid) => {
                let who = pid.map_or_else(|| "another process".into(), |pid| format!("process {pid}"));
                self.say(&format!("Cell {}: {who} works on it; waiting until it ends", name(*at)));
            }
            News::Done(at) => {
                let record = sweep::collect_one(&sweep.cells[*at], place, sweep.export);
                let told = record.outcome.as_ref().map(came_of_it).unwrap_or_default();
                self.one_more(&format!("{}{told}", name(*at)));
            }
            News::Failed(at, cause) => {
                let log = place.log_of(&sweep.cells[*at]);
                self.one_more(&format!("{} failed: {cause} (log: {})", name(*at), log.display()));
            }
        }
    }

    /// One cell is through.
    fn one_more(&mut self, what: &str) {
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

    fn at_work<'n>(&self, names: impl Iterator<Item = &'n str>) {
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

/// `: perplexity 1.8739 → 1.8957, 26.1 % fewer parameters, 12.3 s`.
fn came_of_it(outcome: &Outcome) -> String {
    let fewer =
        format!("{:.1} % fewer parameters, {:.1} s", 100.0 * outcome.removed(), outcome.seconds.total);
    match &outcome.perplexity {
        Some(perplexity) => match perplexity.after {
            Some(after) => format!(": perplexity {:.4} → {after:.4}, {fewer}", perplexity.before),
            None => format!(": {fewer}"),
        },
        None => format!(": {fewer}"),
    }
}
