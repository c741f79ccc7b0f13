//! Prints how a recorded job told its progress and its remaining time, against the truth.
//!
//! ```sh
//! slimgpt prune MODEL --calibration TEXT --eval TEXT --no-export --events run.jsonl
//! cargo run --release --example progress_trace -- run.jsonl
//! ```

use std::{env, error::Error, fs};

use slimgpt::application::{progress::Progress, protocol::Stamped};

/// Fractions of the time at which the table has rows.
const ROWS: usize = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let files: Vec<String> = env::args().skip(1).collect();
    if files.is_empty() {
        return Err("expected recordings of jobs (--events FILE) as arguments, found none".into());
    }
    for file in files {
        let text = fs::read_to_string(&file)?;
        // The first line is the version of the format.
        let events = text.lines().skip(1).map(serde_json::from_str).collect::<Result<Vec<Stamped>, _>>()?;
        let Some(run) = events.last().map(|last| last.run) else { continue };
        print(&file, &events, run);
    }
    Ok(())
}

fn print(file: &str, events: &[Stamped], run: u64) {
    let end =
        events.iter().filter(|stamped| stamped.run == run).fold(0.0f64, |end, stamped| end.max(stamped.at));
    println!("{file}: {end:.1} s\n");
    println!("| time | told | told left | true left | off |\n| ---: | ---: | ---: | ---: | ---: |");
    let mut progress = Progress::default();
    let (mut row, mut falls, mut last, mut worst) = (1, 0, 0.0, (0.0f64, 0.0));
    for stamped in events {
        progress.observe(stamped);
        if stamped.run != run {
            continue;
        }
        let share = progress.share().unwrap_or(0.0);
        falls += usize::from(share < last);
        last = share;
        let (time, left) = (stamped.at / end, end - stamped.at);
        let told = progress.left();
        // In the last seconds a third is less than a screen shows.
        if let Some(told) = told.filter(|_| time >= 0.2 && left >= 2.0) {
            let off = (told / left - 1.0).abs();
            if off > worst.0 {
                worst = (off, time);
            }
        }
        if time >= row as f64 / ROWS as f64 {
            row = (time * ROWS as f64) as usize + 1;
            let (told, off) = told.map_or(("–".into(), "–".into()), |told| {
                (
                    format!("{told:.1} s"),
                    format!("{:+.0} %", 100.0 * (told / left.max(f64::MIN_POSITIVE) - 1.0)),
                )
            });
            let off = if left < 0.05 { "–".into() } else { off };
            println!("| {:.0} % | {:.0} % | {told} | {left:.1} s | {off} |", 100.0 * time, 100.0 * share);
        }
    }
    println!(
        "\nThe fraction fell {falls} times. From a fifth on, the time left was off by at most {:.0} %, at {:.0} %.\n",
        100.0 * worst.0,
        100.0 * worst.1
    );
}
