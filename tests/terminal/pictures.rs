//! The pictures in the README: the program in a pseudo-terminal while it prunes the built-in model.
//!
//! `docs/pictures.sh` makes all of them.

use std::{fs, path::Path, process::Command, thread, time::Duration};

use crate::pty::{self, Setup, Terminal};
use crate::svg::{Paper, svg};

/// The themes of the pictures, each with suitable terminal colours; the first is the default.
const THEMES: [(&str, Paper); 2] = [
    ("dark", Paper { paper: "#15181b", ink: "#c5c8c6" }),
    ("light", Paper { paper: "#fdf6e3", ink: "#30363b" }),
];
/// Maximum time to draw a frame on a busy machine.
const SETTLED: Duration = Duration::from_millis(700);

/// Writes the screen in every theme.
fn take(terminal: &mut Terminal, name: &str) {
    take_over(terminal, name, "", "");
}

/// The same with an overlay opened by `lay` and closed by `away`.
fn take_over(terminal: &mut Terminal, name: &str, lay: &str, away: &str) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures");
    fs::create_dir_all(&dir).unwrap();
    for (theme, paper) in THEMES.into_iter().rev() {
        terminal.keys(&format!(":theme {theme}\r"));
        terminal.keys(lay);
        thread::sleep(SETTLED);
        fs::write(dir.join(format!("{name}-{theme}.svg")), terminal.screen(|screen| svg(screen, paper)))
            .unwrap();
        terminal.keys(away);
    }
}

/// Command-line runs for the list of sessions.
fn earlier_runs(home: &Path) {
    for (session, settings) in [
        ("uniform", ["--schedule", "uniform", "--ratio", "0.25"]),
        ("half", ["--ratio", "0.5", "--samples", "64"]),
        ("paper", ["--preset", "paper", "--ratio", "0.25"]),
    ] {
        let mut run = Command::new(pty::PROGRAM);
        run.args(["prune", "--out", session]).args(settings).current_dir(home);
        run.arg("--session").arg(home.join("state/slimgpt/sessions").join(session));
        run.env("XDG_STATE_HOME", home.join("state")).env("XDG_CONFIG_HOME", home.join("config"));
        assert!(run.output().unwrap().status.success());
    }
}

fn wait_for_end(terminal: &Terminal) {
    terminal.wait_for("done in");
}

#[test]
#[ignore = "writes docs/pictures; docs/pictures.sh runs it"]
fn pictures_of_every_screen() {
    let home = tempfile::tempdir().unwrap();
    earlier_runs(home.path());
    let mut terminal = Setup::in_home(home.path(), &[]).size(120, 36).env("COLORTERM", "truecolor").start();
    terminal.wait_for_model();
    terminal.keys("s");
    terminal.wait_for("layer 7: ");
    terminal.keys(" ");
    terminal.wait_for("paused");
    take(&mut terminal, "layers");
    terminal.keys(" ");
    wait_for_end(&terminal);

    // The channels of layer 7, with the cost of the next per cent.
    terminal.keys(":layer 7\r");
    terminal.wait_for("Layer 7");
    terminal.keys("lc");
    terminal.wait_for("error curve done");
    terminal.keys("ff");
    take(&mut terminal, "layer");

    // A schedule edited by hand: the last layers are pruned less, and the rest is scaled to the same mean.
    terminal.keys("3");
    for _ in 0..8 {
        terminal.keys("l");
    }
    terminal.keys("JLlJJLN\r");
    terminal.wait_for("by hand");
    take(&mut terminal, "schedule");

    // After a second run, the first one is the previous run.
    terminal.keys("s");
    terminal.wait_for("layer 1: ");
    wait_for_end(&terminal);
    terminal.keys("4");
    take(&mut terminal, "errors");

    terminal.keys("5w");
    terminal.wait_for("writing done");
    take(&mut terminal, "compare");

    terminal.keys("6");
    take(&mut terminal, "log");
    terminal.keys("1i");
    take(&mut terminal, "explain");
    terminal.keys("i");
    take_over(&mut terminal, "sessions", "Sj", "\x1b");
}
