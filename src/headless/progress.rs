//! Progress on stderr: bars on a terminal, plain lines elsewhere.

use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::say;
use crate::{
    progress,
    protocol::{Event, Stage, Stamped},
    words::{self, Level, Place},
};

/// Minimum time between two lines about the same long stage.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Length of the bar of a whole run.
const WHOLE: u64 = 1000;

pub struct Progress {
    job: progress::Progress,
    display: Display,
}

enum Display {
    Bars { all: MultiProgress, run: Option<ProgressBar>, stage: ProgressBar },
    Lines { last: Instant },
}

impl Progress {
    pub fn new() -> Self {
        let display = if std::io::stderr().is_terminal() {
            let all = MultiProgress::new();
            let stage = all.add(ProgressBar::new(0).with_style(style("{msg:56} {bar:16} {percent:>3} %")));
            Display::Bars { all, run: None, stage }
        } else {
            Display::Lines { last: Instant::now() }
        };
        Self { job: progress::Progress::default(), display }
    }

    pub fn show(&mut self, stamped: &Stamped) {
        self.job.observe(stamped);
        self.show_whole();
        let event = &stamped.event;
        if let Event::Progress { stage, done, total } = event {
            return self.stage(stage, *done, *total);
        }
        if let Event::RunStarted { model, .. } = event {
            self.add_run_bar(model.layers);
        }
        if let Event::LayerDone { record, .. } = event {
            match &mut self.display {
                Display::Bars { run, .. } => {
                    if let Some(bar) = run {
                        let layers = bar.prefix();
                        bar.set_message(format!("{} of {layers} layers", record.index + 1));
                    }
                    return;
                }
                Display::Lines { last } => *last = Instant::now(),
            }
        }
        self.say_sentence(event);
    }

    /// Prints a line above the bars.
    pub fn say(&self, line: &str) {
        match &self.display {
            // If stderr cannot be written, the bars are lost as well.
            Display::Bars { all, .. } => drop(all.println(line)),
            Display::Lines { .. } => say(line),
        }
    }

    pub fn finish(&self) {
        if let Display::Bars { all, .. } = &self.display {
            let _ = all.clear();
        }
    }

    fn say_sentence(&self, event: &Event) {
        let Some(sentence) = words::event(event, words::Notation::PerCent) else { return };
        match sentence.place {
            Place::Log => return,
            Place::LogAndProgress => {}
        }
        match sentence.level {
            Level::Warning => self.say(&format!("Warning: {}", sentence.text)),
            Level::Step | Level::Info | Level::Error => self.say(&sentence.text),
        }
    }

    fn add_run_bar(&mut self, layers: usize) {
        match &mut self.display {
            Display::Bars { all, run, .. } => {
                let bar = ProgressBar::new(WHOLE)
                    .with_style(style("{msg:24} {bar:16} {percent:>3} %  {elapsed} elapsed"))
                    .with_prefix(layers.to_string())
                    .with_message(format!("0 of {layers} layers"));
                *run = Some(all.insert(0, bar));
            }
            Display::Lines { .. } => {}
        }
    }

    /// Shows the progress of the whole run and its remaining time.
    fn show_whole(&self) {
        let Display::Bars { run: Some(bar), .. } = &self.display else { return };
        if let Some(share) = self.job.share() {
            bar.set_position((share * WHOLE as f64) as u64);
        }
        if let Some(left) = self.job.left() {
            let left = words::clock(left);
            bar.set_style(style(&format!(
                "{{msg:24}} {{bar:16}} {{percent:>3}} %  {{elapsed}} elapsed, {left} left"
            )));
        }
    }

    fn stage(&mut self, stage: &Stage, done: u64, total: u64) {
        match &mut self.display {
            Display::Bars { stage: bar, .. } => {
                bar.set_message(words::stage_progress(stage, done, total));
                bar.set_length(total);
                bar.set_position(done);
            }
            Display::Lines { last } if last.elapsed() >= LINE_EVERY => {
                *last = Instant::now();
                let whole = self.job.share().map_or(String::new(), |share| {
                    let left = self
                        .job
                        .left()
                        .map_or(String::new(), |left| format!(", {} left", words::clock(left)));
                    format!(" (in all {}{left})", words::progress(share))
                });
                say(&format!("{}{whole}", words::stage_progress(stage, done, total)));
            }
            Display::Lines { .. } => {}
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
