//! Progress on stderr: bars on a terminal, plain lines elsewhere.

use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::say;
use crate::{
    protocol::{Event, Stage},
    words::{self, Level, Place},
};

/// Minimum time between two lines about the same long stage.
const LINE_EVERY: Duration = Duration::from_secs(10);

pub enum Progress {
    Bars { all: MultiProgress, layers: Option<ProgressBar>, stage: ProgressBar },
    Lines { last: Instant },
}

impl Progress {
    pub fn new() -> Self {
        if std::io::stderr().is_terminal() {
            let all = MultiProgress::new();
            let stage = all.add(ProgressBar::new(0).with_style(style("{msg:40} {bar:20} {percent:>3} %")));
            Self::Bars { all, layers: None, stage }
        } else {
            Self::Lines { last: Instant::now() }
        }
    }

    pub fn show(&mut self, event: &Event) {
        if let Event::Progress { stage, done, total } = event {
            return self.progress(stage, *done, *total);
        }
        if let Event::RunStarted { from, model, .. } = event {
            self.add_layer_bar(*from, model.layers);
        }
        if let Event::LayerDone { record, .. } = event {
            match self {
                Self::Bars { layers, .. } => {
                    if let Some(bar) = layers {
                        bar.set_position(record.index as u64 + 1);
                    }
                    return;
                }
                Self::Lines { last } => *last = Instant::now(),
            }
        }
        self.say_sentence(event);
    }

    /// Prints a line above the bars.
    pub fn say(&self, line: &str) {
        match self {
            // If stderr cannot be written, the bars are lost as well.
            Self::Bars { all, .. } => drop(all.println(line)),
            Self::Lines { .. } => say(line),
        }
    }

    pub fn finish(&self) {
        if let Self::Bars { all, .. } = self {
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

    fn add_layer_bar(&mut self, from: usize, count: usize) {
        match self {
            Self::Bars { all, layers, .. } => {
                let bar = ProgressBar::new(count as u64)
                    .with_style(style("{msg:40} {bar:20} {pos}/{len}  {elapsed} elapsed, {eta} left"))
                    .with_message("layers")
                    .with_position(from as u64);
                *layers = Some(all.insert(0, bar));
            }
            Self::Lines { .. } => {}
        }
    }

    fn progress(&mut self, stage: &Stage, done: u64, total: u64) {
        match self {
            Self::Bars { stage: bar, .. } => {
                bar.set_message(words::stage(stage));
                bar.set_length(total);
                bar.set_position(done);
            }
            Self::Lines { last } if last.elapsed() >= LINE_EVERY => {
                *last = Instant::now();
                say(&words::stage_progress(stage, done, total));
            }
            Self::Lines { .. } => {}
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
