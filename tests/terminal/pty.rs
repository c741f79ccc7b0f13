//! A terminal for the program under test: its screen, keys and size, and the state of the process.
use std::{
    io::{Read, Write},
    num::NonZeroU16,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, MutexGuard},
    thread,
    time::{Duration, Instant},
};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use vt100::Parser;

/// Maximum time to wait, generous for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(5);

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_slimgpt");

/// The program to run, and its environment.
pub struct Setup {
    command: CommandBuilder,
    home: tempfile::TempDir,
    rows: u16,
    columns: u16,
}

/// The terminal and the program in it.
pub struct Terminal {
    master: Box<dyn MasterPty + Send>,
    writer: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    seen: Arc<Mutex<Seen>>,
    home: tempfile::TempDir,
    began: Instant,
}

struct Seen {
    parser: Parser,
    bytes: Vec<u8>,
}

impl Setup {
    /// The program with its own home directory.
    pub fn new(arguments: &[&str]) -> Self {
        Self::of(PROGRAM, arguments)
    }

    /// The program in the home directory of an earlier program.
    pub fn in_home(home: &Path, arguments: &[&str]) -> Self {
        let mut setup = Self::new(arguments);
        setup.at_home(home);
        setup
    }

    fn at_home(&mut self, home: &Path) {
        self.command.cwd(home);
        for (variable, dir) in [("HOME", ""), ("XDG_CONFIG_HOME", "config"), ("XDG_STATE_HOME", "state")] {
            self.command.env(variable, home.join(dir));
        }
    }

    pub fn of(program: &str, arguments: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        for variable in ["NO_COLOR", "COLORTERM", "COLORFGBG", "LC_ALL", "LC_CTYPE"] {
            command.env_remove(variable);
        }
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        command.env("HF_HUB_OFFLINE", "1");
        let path = home.path().to_path_buf();
        let mut setup = Self { command, home, rows: 30, columns: 100 };
        setup.at_home(&path);
        setup
    }

    pub fn size(mut self, columns: u16, rows: u16) -> Self {
        (self.columns, self.rows) = (columns, rows);
        self
    }

    pub fn env(mut self, variable: &str, value: &str) -> Self {
        self.command.env(variable, value);
        self
    }

    /// Writes a file of the configuration directory.
    pub fn configured(self, name: &str, text: &str) -> Self {
        let path = self.home.path().join("config/slimgpt").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    /// Creates a directory in the program's working directory.
    pub fn directory(&self, name: &str) -> PathBuf {
        let path = self.home.path().join(name);
        std::fs::create_dir(&path).unwrap();
        path
    }

    /// Writes a file into the program's working directory.
    pub fn file(self, name: &str, text: &str) -> Self {
        std::fs::write(self.home.path().join(name), text).unwrap();
        self
    }

    pub fn start(self) -> Terminal {
        let size = PtySize { rows: self.rows, cols: self.columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let parser = Parser::new(nonzero(self.rows), nonzero(self.columns), 0);
        let seen = Arc::new(Mutex::new(Seen { parser, bytes: Vec::new() }));
        let mut reader = pair.master.try_clone_reader().unwrap();
        let writer = pair.master.take_writer().unwrap();
        let began = Instant::now();
        let child = pair.slave.spawn_command(self.command).unwrap();
        let shown = Arc::clone(&seen);
        thread::spawn(move || {
            let mut bytes = [0; 65536];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                let mut seen = shown.lock().unwrap();
                seen.parser.process(&bytes[..count]);
                seen.bytes.extend_from_slice(&bytes[..count]);
            }
        });
        Terminal { master: pair.master, writer, child, seen, home: self.home, began }
    }
}

impl Terminal {
    pub fn keys(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).unwrap();
        self.writer.flush().unwrap();
    }

    pub fn resize(&self, columns: u16, rows: u16) {
        self.seen().parser.screen_mut().set_size(nonzero(rows), nonzero(columns));
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        self.master.resize(size).unwrap();
    }

    /// Waits until the screen satisfies the condition. Returns the elapsed time.
    #[track_caller]
    pub fn wait_until(&self, what: &str, holds: impl Fn(&vt100::Screen) -> bool) -> Duration {
        let began = Instant::now();
        while !holds(self.seen().parser.screen()) {
            assert!(began.elapsed() < PATIENCE, "timed out waiting for {what}\n{}", self.contents());
            thread::sleep(LOOK_EVERY);
        }
        began.elapsed()
    }

    #[track_caller]
    pub fn wait_for(&self, text: &str) -> Duration {
        self.wait_until(text, |screen| screen.contents().contains(text))
    }

    /// Waits until the explorer is shown with its model open.
    #[track_caller]
    pub fn wait_for_model(&self) {
        self.wait_until("the open model", |screen| {
            screen.alternate_screen() && screen.contents().contains("2.40 M")
        });
    }

    /// Reads data from the current screen.
    pub fn screen<T>(&self, read: impl FnOnce(&vt100::Screen) -> T) -> T {
        read(self.seen().parser.screen())
    }

    pub fn contents(&self) -> String {
        self.seen().parser.screen().contents()
    }

    /// Everything written so far.
    pub fn written(&self) -> String {
        String::from_utf8_lossy(&self.seen().bytes).into_owned()
    }

    /// Time since the program was started.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Waits for the end of the program and returns its exit code.
    #[track_caller]
    pub fn wait_for_exit(&mut self) -> u32 {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                assert_eq!(status.signal(), None, "ended by a signal\n{}", self.contents());
                // Its last output may not have arrived yet.
                thread::sleep(Duration::from_millis(50));
                return status.exit_code();
            }
            assert!(began.elapsed() < PATIENCE, "does not end\n{}", self.contents());
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Checks that the alternate screen was left, the cursor is shown, and paste and mouse modes are
    /// restored.
    #[track_caller]
    pub fn assert_restored(&self) {
        let seen = self.seen();
        let screen = seen.parser.screen();
        assert!(!screen.alternate_screen(), "the alternate screen is still shown\n{}", screen.contents());
        assert!(!screen.hide_cursor(), "the cursor is still hidden");
        assert!(!screen.bracketed_paste(), "paste is still bracketed");
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
    }

    /// The terminal's modes: input, output, control and local flags.
    pub fn modes(&self) -> String {
        let modes = self.master.get_termios().unwrap();
        format!("{:?}", (modes.input_flags, modes.output_flags, modes.control_flags, modes.local_flags))
    }

    /// Kills the program and waits for its end, after which its locks are free.
    pub fn kill(&mut self) {
        self.signal("-KILL");
        self.child.wait().unwrap();
    }

    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.pid().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    pub fn pid(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    pub fn home(&self) -> PathBuf {
        self.home.path().into()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

fn nonzero(size: u16) -> NonZeroU16 {
    NonZeroU16::new(size).unwrap()
}
