//! The report of a session from the command line: page, plots and table, for sessions in any state.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::program::{Ran, copy, program, slimgpt};

const FIXTURE: &str = "tests/fixtures/session";

/// Sessions to report on, and an output directory.
struct Kept(tempfile::TempDir);

impl Kept {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        copy(Path::new(FIXTURE), dir.path());
        // A report needs no model.
        fs::remove_dir_all(dir.path().join("model")).unwrap();
        Self(dir)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn report(&self, session: &str, more: &[&str]) -> Ran {
        let mut command = program();
        command.arg("report").arg(self.path(session)).arg("--out").arg(self.path("report")).args(more);
        command.output().unwrap().into()
    }

    #[track_caller]
    fn page(&self, session: &str) -> String {
        let ran = self.report(session, &["--force"]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        fs::read_to_string(self.path("report/index.html")).unwrap()
    }
}

/// The unclosed elements, in order; void elements such as `<br>` need no end tag.
fn unclosed(page: &str) -> Vec<String> {
    const ALONE: [&str; 6] = ["!doctype", "meta", "br", "hr", "input", "link"];
    let mut open: Vec<String> = Vec::new();
    let (mut rest, mut wrong) = (page, Vec::new());
    while let Some(at) = rest.find('<') {
        let tag = &rest[at + 1..];
        let end = tag.find('>').unwrap();
        let (tag, after) = (&tag[..end], &tag[end + 1..]);
        rest = after;
        let name = tag.trim_start_matches('/').split([' ', '/', '\n']).next().unwrap().to_lowercase();
        if tag.starts_with('!') || tag.ends_with('/') || ALONE.contains(&name.as_str()) {
            continue;
        }
        if !tag.starts_with('/') {
            if name == "style" {
                rest = &rest[rest.find("</style>").unwrap()..];
            }
            open.push(name);
        } else if open.pop().as_deref() != Some(&name) {
            wrong.push(name);
        }
    }
    open.extend(wrong);
    open
}

/// The URLs that a browser would fetch.
fn fetched(page: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for key in ["src=\"", "href=\"", "url(", "@import "] {
        for (at, _) in page.match_indices(key) {
            let value = &page[at + key.len()..];
            if !value.starts_with('#') && !value.starts_with("data:") {
                found.push(&value[..value.len().min(40)]);
            }
        }
    }
    found
}

#[test]
fn a_finished_session_has_a_complete_page_that_fetches_nothing() {
    let kept = Kept::new();
    let page = kept.page("finished");
    assert_eq!(unclosed(&page), Vec::<String>::new());
    assert_eq!(fetched(&page), Vec::<&str>::new());
    for said in ["Errors", "Heads", "Channels", "Settings", "prefers-color-scheme"] {
        assert!(page.contains(said), "{said} is missing");
    }
    assert!(!page.contains("NaN") && !page.contains(">inf"), "the page contains a non-finite number");
}

#[test]
fn every_plot_exists_in_both_looks_and_formats() {
    let kept = Kept::new();
    kept.page("finished");
    let names: Vec<String> = fs::read_dir(kept.path("report/plots"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let plots: Vec<&str> = names.iter().filter_map(|name| name.strip_suffix("-dark.svg")).collect();
    for wanted in
        ["ratios", "errors", "head-scores", "channel-scores", "error-by-ratio", "damping-and-condition"]
    {
        assert!(plots.contains(&wanted), "{wanted} is missing: {plots:?}");
    }
    for plot in &plots {
        for ending in [".svg", ".png", "-dark.svg", "-dark.png"] {
            let bytes = fs::read(kept.path(&format!("report/plots/{plot}{ending}"))).unwrap();
            if ending.ends_with("png") {
                let mut reader = png::Decoder::new(std::io::Cursor::new(&bytes)).read_info().unwrap();
                let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
                reader.next_frame(&mut pixels).unwrap();
                assert!(pixels.iter().any(|pixel| *pixel != pixels[0]), "{plot}{ending} is empty");
            } else {
                let text = String::from_utf8(bytes).unwrap();
                assert_eq!(unclosed(&text), Vec::<String>::new(), "{plot}{ending}");
            }
        }
    }
    assert_eq!(names.len(), 4 * plots.len());
}

#[test]
fn the_table_has_one_row_per_layer_with_all_columns() {
    let kept = Kept::new();
    kept.page("finished");
    let table = fs::read_to_string(kept.path("report/layers.csv")).unwrap();
    let fields: Vec<usize> = table.lines().map(|line| line.split(',').count()).collect();
    assert_eq!(fields.len(), 1 + 2, "{table}");
    assert!(fields.iter().all(|count| *count == fields[0]), "{table}");
}

#[test]
fn an_unfinished_or_damaged_session_is_reported_without_gaps() {
    let kept = Kept::new();
    let page = kept.page("broken-off");
    assert_eq!(unclosed(&page), Vec::<String>::new());
    assert!(page.contains("The run is not finished"), "the notice about the unfinished run is missing");

    let attempts = kept.path("finished/attempts");
    let part = fs::read_dir(&attempts).unwrap().map(|entry| entry.unwrap().path());
    let part = part.filter(|path| path.to_string_lossy().contains("layer-001")).min().unwrap();
    let mut bytes = fs::read(&part).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&part, bytes).unwrap();
    let before = fs::metadata(kept.path("finished/session.json")).unwrap().modified().unwrap();
    let page = kept.page("finished");
    assert_eq!(unclosed(&page), Vec::<String>::new());
    assert!(page.to_lowercase().contains("damaged"), "the notice about the damaged part is missing");
    let after = fs::metadata(kept.path("finished/session.json")).unwrap().modified().unwrap();
    assert_eq!(before, after, "a report changes no session");
}

#[test]
fn an_existing_output_or_one_inside_the_session_is_refused() {
    let kept = Kept::new();
    kept.page("finished");
    let ran = kept.report("finished", &[]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("--force"), "{}", ran.stderr);
    let session = kept.path("finished");
    let inside = session.join("report");
    let (session, inside) = (session.to_str().unwrap(), inside.to_str().unwrap());
    let ran = slimgpt(&["report", session, "--out", inside]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("other than"), "{}", ran.stderr);
}

#[test]
fn equal_sessions_give_equal_pages() {
    let kept = Kept::new();
    assert!(kept.page("finished") == kept.page("finished"));
}
