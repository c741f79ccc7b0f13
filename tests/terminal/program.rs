//! The program in a pseudo-terminal: start, end, signals, panics, configuration.

use std::{
    fs,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use crate::panics;
use crate::pty::{PROGRAM, Setup, Terminal};

fn explorer() -> Terminal {
    let terminal = Setup::new(&[]).start();
    terminal.wait_for_model();
    terminal
}

/// The only report of a panic.
fn report(terminal: &Terminal) -> String {
    let dir = terminal.home().join("state/slimgpt");
    let files: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1);
    fs::read_to_string(&files[0]).unwrap()
}

#[test]
fn without_a_terminal_the_alternatives_are_named() {
    for arguments in [&[][..], &["explore"], &["no-such-model"], &["replay", "events.jsonl"]] {
        let ran = Command::new(PROGRAM).args(arguments).output().unwrap();
        assert_eq!(ran.status.code(), Some(2));
        let error = String::from_utf8(ran.stderr).unwrap();
        assert!(error.contains("needs a terminal") && error.contains("slimgpt prune"), "{error}");
        assert!(ran.stdout.is_empty());
    }
}

#[test]
fn a_dumb_terminal_is_refused() {
    let mut terminal = Setup::new(&[]).env("TERM", "dumb").start();
    assert_eq!(terminal.wait_for_exit(), 2);
    assert!(terminal.contents().contains("TERM=dumb"), "{}", terminal.contents());
}

#[test]
fn the_first_frame_appears_at_once() {
    let first_frame = || {
        let terminal = Setup::new(&[]).start();
        terminal.wait_for("slimgpt");
        terminal.elapsed()
    };
    // The best of several times, because the machine may be busy.
    let best = (0..5).map(|_| first_frame()).min().unwrap();
    assert!(best < Duration::from_millis(200), "took {best:?}");
}

#[test]
fn quitting_restores_the_terminal() {
    let mut shell = Setup::of("sh", &["-c", &format!("echo before; sleep 0.3; exec {PROGRAM}")]).start();
    shell.wait_for("before");
    let before = shell.modes();
    shell.wait_for_model();
    assert_ne!(shell.modes(), before, "raw mode is on");
    shell.keys("q");
    assert_eq!(shell.wait_for_exit(), 0);
    shell.assert_restored();
    assert_eq!(shell.modes(), before);
    assert_eq!(shell.contents().trim(), "before", "nothing is left on the shell's screen");
}

#[test]
fn a_panic_while_drawing_is_reported_on_a_restored_terminal() {
    let mut terminal = panics::setup("without_a_theme").start();
    assert_eq!(terminal.wait_for_exit(), 1);
    terminal.assert_restored();
    let written = terminal.written();
    let (_, told) = written.rsplit_once("\x1b[?1049l").unwrap();
    for text in ["index out of bounds", "This report is also in"] {
        assert!(told.contains(text), "{told}");
    }
    assert!(report(&terminal).contains("index out of bounds"));
}

#[test]
fn a_panic_of_the_worker_keeps_the_screen_and_is_reported_afterwards() {
    let mut terminal = panics::setup("whose_worker_panics").size(140, 40).start();
    terminal.wait_for("stopped unexpectedly");
    terminal.wait_for_model();
    assert!(!terminal.written().contains(panics::CAUSE), "it was written over the screen");
    assert!(report(&terminal).contains(panics::CAUSE));
    // The explorer still works.
    terminal.keys("?");
    terminal.wait_for("Prune all layers");
    terminal.keys("\x1b");
    terminal.wait_until("no help", |screen| !screen.contents().contains("Prune all layers"));
    terminal.keys("q");
    assert_eq!(terminal.wait_for_exit(), 1);
    terminal.assert_restored();
    assert!(terminal.written().contains(panics::CAUSE), "{}", terminal.contents());
}

#[test]
fn signals_end_it_with_their_code_and_a_restored_terminal() {
    for (signal, code) in [("-TERM", 143), ("-HUP", 129), ("-INT", 130)] {
        let mut terminal = explorer();
        terminal.signal(signal);
        assert_eq!(terminal.wait_for_exit(), code, "{signal}");
        terminal.assert_restored();
    }
}

/// Runs the program in a terminal within the terminal, closes the inner terminal, and returns the exit code.
/// `before` precedes the program on the shell's command line.
#[cfg(target_os = "linux")]
fn exit_code_when_its_window_is_closed(before: &str) -> String {
    let line = format!("trap '' HUP; {before} {PROGRAM}; echo $? > code");
    let terminal = Setup::of("script", &["-q", "-c", &line, "/dev/null"]).env("SHELL", "/bin/sh").start();
    terminal.wait_for_model();
    terminal.signal("-KILL");
    let code = terminal.home().join("code");
    let began = Instant::now();
    loop {
        match fs::read_to_string(&code) {
            Ok(text) if text.ends_with('\n') => return text.trim().into(),
            _ => assert!(began.elapsed() < Duration::from_secs(10), "it continues without a terminal"),
        }
        thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn closing_the_window_ends_the_program() {
    assert_eq!(exit_code_when_its_window_is_closed(""), "129");
}

#[cfg(target_os = "linux")]
#[test]
fn closing_the_terminal_without_a_signal_ends_the_program() {
    assert_eq!(exit_code_when_its_window_is_closed("setsid --wait"), "129");
}

#[test]
fn control_z_returns_to_the_shell_and_fg_to_the_explorer() {
    let mut shell = Setup::of("bash", &["--norc", "--noediting", "-i"]).env("PS1", "ready> ").start();
    shell.wait_for("ready>");
    let before = shell.modes();
    shell.keys(&format!("{PROGRAM}\r"));
    shell.wait_for_model();
    shell.keys("\x1a");
    shell.wait_for("Stopped");
    shell.assert_restored();
    assert_eq!(shell.modes(), before);
    shell.keys("echo hel''lo\r");
    shell.wait_for("hello");
    shell.keys("fg\r");
    shell.wait_for_model();
    // The program handles keys again.
    shell.keys("?");
    shell.wait_for("type to filter");
    shell.keys("\x1b");
    shell.wait_until("no help", |screen| !screen.contents().contains("type to filter"));
    shell.keys("q");
    // Keys typed before the prompt may still go to the explorer.
    shell.wait_until("the prompt", |screen| {
        !screen.alternate_screen() && screen.contents().trim_end().ends_with("ready>")
    });
    shell.assert_restored();
    shell.keys("exit 7\r");
    assert_eq!(shell.wait_for_exit(), 7);
}

#[test]
fn without_a_waiting_shell_control_z_shows_the_explorer_again() {
    let mut terminal = explorer();
    terminal.keys("\x1a");
    terminal.wait_until("the shell's screen", |screen| !screen.alternate_screen());
    terminal.wait_for_model();
}

#[test]
fn continuing_after_an_external_stop_redraws_everything() {
    let terminal = explorer();
    let before = terminal.written().len();
    terminal.signal("-STOP");
    thread::sleep(Duration::from_millis(100));
    terminal.signal("-CONT");
    let began = Instant::now();
    while terminal.written().len() < before + 500 {
        assert!(began.elapsed() < Duration::from_secs(30), "nothing was drawn");
        thread::sleep(Duration::from_millis(10));
    }
    terminal.wait_for_model();
    terminal.signal("-TERM");
}

#[test]
fn a_small_window_shows_the_required_size_until_it_is_enlarged() {
    let terminal = explorer();
    terminal.resize(59, 18);
    terminal.wait_for("needs 60×15, has 59×18");
    terminal.resize(20, 5);
    terminal.wait_until("something", |screen| !screen.contents().trim().is_empty());
    terminal.resize(80, 24);
    terminal.wait_for_model();
}

#[cfg(target_os = "linux")]
#[test]
fn an_idle_explorer_uses_no_processor_time() {
    let terminal = explorer();
    thread::sleep(Duration::from_millis(500));
    let (ticks, bytes) = (cpu_ticks(terminal.pid()), terminal.written().len());
    thread::sleep(Duration::from_secs(2));
    let used = cpu_ticks(terminal.pid()) - ticks;
    assert!(used <= 1, "{used} hundredths of a second of CPU in two seconds");
    assert_eq!(terminal.written().len(), bytes, "something was drawn");
}

/// User and system time of all threads, in hundredths of a second.
#[cfg(target_os = "linux")]
fn cpu_ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The fields follow the name, which may contain any characters; user and system time are fields 14 and
    // 15.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

#[test]
fn the_mouse_can_be_captured_and_released() {
    let mut terminal = explorer();
    let mouse = |on: bool| {
        move |screen: &vt100::Screen| (screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None) == on
    };
    terminal.wait_until("mouse on", mouse(true));
    terminal.keys("M");
    terminal.wait_until("mouse off", mouse(false));
    terminal.keys("M");
    terminal.wait_until("mouse on again", mouse(true));
    let mut terminal = Setup::new(&["--no-mouse"]).start();
    terminal.wait_for_model();
    terminal.wait_until("mouse off", mouse(false));
    terminal.keys("q");
    terminal.wait_for_exit();
}

#[test]
fn pasted_text_goes_into_a_field_and_is_not_treated_as_keys() {
    let mut terminal = explorer();
    terminal.keys(":");
    terminal.wait_until("the palette", |screen| !screen.hide_cursor());
    terminal.keys("\x1b[200~export\x1b[201~");
    terminal.wait_for("export");
    terminal.keys("\x1b");
    terminal.wait_until("no palette", |screen| !screen.contents().contains("Find"));
    terminal.keys("q");
    assert_eq!(terminal.wait_for_exit(), 0);
}

#[test]
fn a_model_that_cannot_be_opened_is_reported_in_the_shell() {
    let mut terminal = Setup::new(&["no such model"]).start();
    assert_eq!(terminal.wait_for_exit(), 2);
    terminal.assert_restored();
    assert!(terminal.contents().contains("no such model"), "{}", terminal.contents());
}

#[test]
fn configuration_errors_are_reported_before_the_screen_is_entered() {
    for (file, text, told) in [
        ("interface.toml", "theme = \"dark\"\nmuose = true", "interface.toml, line 2"),
        ("keys.toml", "start = \"s\"\nflys = \"x\"", "keys.toml, line 2"),
        ("defaults.toml", "ratio = 0.3\nrato = 0.2", "defaults.toml, line 2"),
    ] {
        let mut terminal = Setup::new(&[]).configured(file, text).size(200, 30).start();
        assert_eq!(terminal.wait_for_exit(), 2);
        assert!(terminal.contents().contains(told), "{}", terminal.contents());
        assert!(!terminal.written().contains("\x1b[?1049h"), "the screen was entered");
    }
}

#[test]
fn keys_and_appearance_follow_the_configuration() {
    let mut terminal = Setup::new(&["--colours", "none"])
        .configured("keys.toml", "quit = \"F4\"")
        .configured("interface.toml", "glyphs = \"ascii\"\nmouse = false")
        .start();
    terminal.wait_for_model();
    assert!(terminal.contents().is_ascii(), "{}", terminal.contents());
    assert!(!terminal.written().contains("38;5;"), "there are colours");
    terminal.keys("q");
    thread::sleep(Duration::from_millis(200));
    terminal.keys("\x1bOS");
    assert_eq!(terminal.wait_for_exit(), 0);
}
