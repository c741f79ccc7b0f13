//! Snapshots of every screen from the recorded run: text and styles, in three sizes.
//!
//! To accept intended changes, run `INSTA_UPDATE=always cargo test --release --test it snapshots`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::window::{drawn, emit, listed, live, press, recorded, recording, replay};
use slimgpt::application::{
    explorer::view::{LEAST, SHORT},
    explorer::{Dialog, Explain, Msg, Phase, Playback, Screen, State, update},
    protocol::{
        CurvePoint, Event, JobKind, MeasuredToken, ReplayIndex, ReplayMark, Side, Stamped, TokenPrediction,
    },
};
use slimgpt::prune::{LayerRatio, Part, StreamError, StreamErrors};

const SIZES: [(u16, u16); 4] = [SHORT, LEAST, (120, 40), (200, 60)];

/// Pictures of one test. All are compared before the test fails.
#[derive(Default)]
struct Pictures {
    differing: Vec<String>,
}

impl Pictures {
    /// Compares text and styles.
    fn compare(&mut self, name: &str, state: &State) {
        let (columns, rows) = state.size;
        let shown = drawn(state);
        let picture = format!("{}\n{}", shown.text(), shown.looks());
        let name = format!("{name}_{columns}x{rows}");
        let compared = catch_unwind(AssertUnwindSafe(|| {
            insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false, snapshot_path => "../snapshots" }, {
                insta::assert_snapshot!(name.as_str(), picture);
            });
        }));
        if compared.is_err() {
            self.differing.push(name);
        }
    }

    fn screens(&mut self, name: &str, state: &State) {
        for screen in Screen::ALL {
            for size in SIZES {
                let title = screen.title().to_lowercase();
                self.compare(&format!("{name}_{title}"), &State { screen, size, ..state.clone() });
            }
        }
    }

    #[track_caller]
    fn finish(self) {
        let differing = self.differing.join(", ");
        assert!(
            differing.is_empty(),
            "these differ from tests/snapshots: {differing}; the differences are printed above. If they are \
             intended, accept them with `INSTA_UPDATE=always cargo test --release --test it snapshots` and look at `git diff`"
        );
    }
}

/// The recording up to the second batch of channels in layer 6.
fn half_of_the_run() -> Vec<Stamped> {
    let events = recorded();
    let second =
        |told: &Stamped| matches!(told.event, Event::UnitsRemoved { layer: 6, part: Part::Mlp, step: 1, .. });
    let end = events.iter().position(second).unwrap();
    events[..=end].to_vec()
}

fn handle(state: &mut State, events: Vec<Stamped>) {
    for event in events {
        update(state, Msg::Engine(event));
    }
}

fn half_way() -> State {
    let mut state = replay();
    handle(&mut state, half_of_the_run());
    state
}

/// The complete recording, with added texts and the error curve of a layer, which it lacks.
fn ended() -> State {
    let mut state = replay();
    handle(&mut state, recorded());
    emit(&mut state, 2, Event::JobStarted { kind: JobKind::Generate });
    for (side, text) in [(Side::Dense, " there was a girl."), (Side::Pruned, " the sun was in the sun.")] {
        for piece in text.split_inclusive(' ') {
            emit(&mut state, 2, Event::GeneratedText { side, text: piece.into() });
        }
        emit(
            &mut state,
            2,
            Event::GenerationFinished { side, tokens: text.split(' ').count(), seconds: 0.25 },
        );
    }
    for (side, text) in [(Side::Dense, " there was a girl."), (Side::Pruned, " the sun was in the sun.")] {
        let token = |(at, piece): (usize, &str)| {
            let likeliest = |best: f64| {
                let others = ["a", "the", "one", "it"].iter().zip(1..);
                let others = others.map(|(word, place)| (format!("{word} "), best / (2 * place) as f64));
                [(piece.to_string(), best)].into_iter().chain(others).collect()
            };
            let prediction = |loss: f64| TokenPrediction { loss, likeliest: likeliest((-loss).exp()) };
            let (dense, pruned) = (prediction(0.3), prediction(0.3 + 0.6 * at as f64));
            MeasuredToken { text: piece.into(), dense, pruned }
        };
        let tokens = text.split_inclusive(' ').enumerate().map(token).collect();
        emit(&mut state, 2, Event::TokensMeasured { side, tokens });
    }
    emit(&mut state, 2, Event::JobDone);
    let point = |removed: usize| CurvePoint { removed, relative_error: (removed as f64 / 320.0).powi(2) };
    let points = (0..320).map(point).collect();
    emit(&mut state, 3, Event::JobStarted { kind: JobKind::ErrorCurve });
    emit(&mut state, 3, Event::ErrorCurve { layer: 11, part: Part::Mlp, units: 320, points });
    emit(&mut state, 3, Event::JobDone);
    update(&mut state, Msg::EngineGone(None));
    state.notice = None;
    state
}

/// A live engine in the middle of the same run.
fn at_work() -> State {
    let mut state = State { settings: half_way().settings, ..live() };
    let mut events = half_of_the_run().into_iter();
    handle(&mut state, events.by_ref().take(1).collect());
    state.schedule = half_way().schedule;
    press(&mut state, &["s"]);
    handle(&mut state, events.collect());
    state
}

/// A model that was only opened.
fn just_opened() -> State {
    let mut state = live();
    handle(&mut state, recorded().into_iter().take(1).collect());
    state
}

#[test]
fn every_screen_in_the_middle_of_a_run() {
    let mut pictures = Pictures::default();
    pictures.screens("half_way", &half_way());
    pictures.finish();
}

#[test]
fn every_screen_at_the_end_of_a_run() {
    let mut pictures = Pictures::default();
    pictures.screens("ended", &ended());
    pictures.finish();
}

#[test]
fn separate_ratios_of_heads_and_channels() {
    let mut pictures = Pictures::default();
    let mut state = half_way();
    for (layer, ratio) in state.schedule.ratios.iter_mut().enumerate() {
        *ratio = LayerRatio::new(0.45 - 0.035 * layer as f64, ratio.mlp);
    }
    (state.schedule.preset, state.screens.schedule.edited) = (None, Some(Part::Attention));
    for screen in [Screen::Layers, Screen::Schedule] {
        pictures
            .compare(&format!("apart_{}", screen.title().to_lowercase()), &State { screen, ..state.clone() });
    }
    pictures.finish();
}

#[test]
fn every_panel_of_a_layer_in_the_large_area() {
    let mut pictures = Pictures::default();
    for part in [Part::Attention, Part::Mlp] {
        for &panel in Screen::Layer.panels() {
            let mut state = State { screen: Screen::Layer, ..ended() };
            state.screens.layer.part = part;
            // The panels of attempts side by side have pictures of their own.
            if !state.panels().contains(&panel) {
                continue;
            }
            state.focus[Screen::Layer as usize] = panel;
            let title = panel.title.to_lowercase().replace(' ', "_");
            // Panels that do not depend on the part are compared once.
            if part == Part::Mlp || !["Attempts", "Error versus ratio"].contains(&panel.title) {
                pictures.compare(&format!("panel_{title}_{part}"), &state);
            }
        }
    }
    pictures.finish();
}

#[test]
fn dialogs_over_a_screen() {
    let mut pictures = Pictures::default();
    for (name, keys) in [
        ("help", &["?"][..]),
        ("palette", &[":", "t", "h", "e", "m", "e"]),
        ("filter", &["/", "d", "o", "n", "e"]),
        ("settings", &["o", "down"]),
        ("prompt", &["5", "e"]),
        ("explain", &["2", "i"]),
        ("question", &["x"]),
        ("refusal", &["3", "r", "s"]),
    ] {
        let mut state = at_work();
        press(&mut state, keys);
        pictures.compare(&format!("over_{name}"), &state);
    }
    pictures.finish();
}

#[test]
fn a_terminal_that_is_too_small_and_a_model_that_is_not_open() {
    let mut pictures = Pictures::default();
    pictures.compare("too_small", &State { size: (62, 18), ..half_way() });
    pictures.compare("opening", &live());
    let help = State { screen: Screen::Layer, dialogs: vec![Dialog::Explain(Explain)], ..live() };
    pictures.compare("opening_layer", &help);
    pictures.finish();
}

#[test]
fn sessions_compared_with_the_open_one() {
    let mut pictures = Pictures::default();
    let mut state = ended();
    listed::open(&mut state, Ok(listed::usual()), 1);
    press(&mut state, &["m", "down", "m", "down", "down", "m"]);
    state.notice = None;
    for size in SIZES {
        pictures.compare("sessions_marked", &State { size, ..state.clone() });
    }
    press(&mut state, &["esc", "5", "down"]);
    for size in SIZES {
        pictures.compare("beside", &State { size, ..state.clone() });
    }
    press(&mut state, &["f", "right", "right", "right"]);
    pictures.compare("beside_ratios", &state);
    press(&mut state, &["f"]);
    pictures.compare("beside_texts", &state);
    pictures.finish();
}

#[test]
fn the_list_of_sessions() {
    let mut pictures = Pictures::default();
    let usual = listed::usual();
    let open_one = usual[0].path.clone();
    for size in SIZES {
        let mut state = State { size, ..just_opened() };
        state.sessions.open = Some(open_one.clone());
        listed::open(&mut state, Ok(usual.clone()), 1);
        pictures.compare("sessions", &state);
    }
    for (name, down) in [("finished", 2), ("in_use", 3), ("damaged", 5)] {
        let mut state = just_opened();
        listed::open(&mut state, Ok(usual.clone()), down);
        pictures.compare(&format!("sessions_{name}"), &state);
    }
    let mut state = just_opened();
    listed::open(&mut state, Ok(usual.clone()), 0);
    press(&mut state, &["/", "l", "l", "a"]);
    pictures.compare("sessions_filter", &state);
    let mut state = just_opened();
    listed::open(&mut state, Ok(Vec::new()), 0);
    pictures.compare("sessions_none", &state);
    let mut state = just_opened();
    listed::open(&mut state, Ok(usual), 2);
    press(&mut state, &["d"]);
    pictures.compare("sessions_delete", &state);
    pictures.finish();
}

/// A complete recording at one of its layers.
fn at_layer(file: &str, layer: usize, screen: Screen) -> State {
    let mut state = replay();
    handle(&mut state, recording(file));
    (state.layer, state.follow, state.screen, state.notice) = (layer, false, screen, None);
    state
}

#[test]
fn every_sub_step_of_the_algorithm_view() {
    let mut pictures = Pictures::default();
    let mut state = at_layer("steps.jsonl", 3, Screen::Steps);
    for part in [Part::Attention, Part::Mlp] {
        state.screens.layer.part = part;
        press(&mut state, &["home"]);
        for phase in Phase::ALL {
            for size in SIZES {
                let name = format!("steps_{part}_{}", phase.name());
                pictures.compare(&name, &State { size, ..state.clone() });
            }
            press(&mut state, &["n"]);
        }
        // The second step: what changed since the first one.
        pictures.compare(&format!("steps_{part}_second"), &state);
        press(&mut state, &["G"]);
        pictures.compare(&format!("steps_{part}_rules"), &state);
        press(&mut state, &["G"]);
    }
    pictures.finish();
}

#[test]
fn every_screen_of_a_real_model_with_thirty_layers() {
    let mut pictures = Pictures::default();
    pictures.screens("real", &at_layer("smollm2.jsonl", 17, Screen::Layers));
    let mut map = at_layer("smollm2.jsonl", 17, Screen::Map);
    for name in ["real_map_cost", "real_map_order"] {
        press(&mut map, &["v"]);
        for size in SIZES {
            pictures.compare(name, &State { size, ..map.clone() });
        }
    }
    pictures.finish();
}

#[test]
fn the_algorithm_view_of_a_real_model() {
    let mut pictures = Pictures::default();
    let mut state = at_layer("smollm2.jsonl", 17, Screen::Steps);
    for part in [Part::Attention, Part::Mlp] {
        state.screens.layer.part = part;
        press(&mut state, &["home", "n", "n", "n", "n"]);
        for size in SIZES {
            pictures.compare(&format!("real_steps_{part}"), &State { size, ..state.clone() });
        }
        press(&mut state, &["G"]);
        for size in SIZES {
            pictures.compare(&format!("real_steps_{part}_rules"), &State { size, ..state.clone() });
        }
        press(&mut state, &["G"]);
    }
    pictures.finish();
}

#[test]
fn focused_panels_fill_the_screen() {
    let mut pictures = Pictures::default();
    for screen in Screen::ALL {
        let mut state = at_layer("smollm2.jsonl", 17, screen);
        press(&mut state, &["z"]);
        for size in [LEAST, (120, 40), (200, 60)] {
            let title = screen.title().to_lowercase();
            pictures.compare(&format!("real_{title}_zoomed"), &State { size, ..state.clone() });
        }
    }
    pictures.finish();
}

#[test]
fn the_candidates_of_a_search() {
    let mut pictures = Pictures::default();
    let mut state = at_layer("smollm2.jsonl", 17, Screen::Schedule);
    press(&mut state, &["f", "f", "down"]);
    for size in [LEAST, (120, 40), (200, 60)] {
        pictures.compare("real_candidates", &State { size, ..state.clone() });
        let mut zoomed = State { size, ..state.clone() };
        press(&mut zoomed, &["z"]);
        pictures.compare("real_candidates_zoomed", &zoomed);
    }
    pictures.finish();
}

#[test]
fn attempts_of_a_real_model_side_by_side() {
    let mut pictures = Pictures::default();
    let mut state = at_layer("smollm2.jsonl", 17, Screen::Layer);
    state.layers[17].side_by_side.marked = (0..3).collect();
    for size in SIZES {
        pictures.compare("real_side_by_side", &State { size, ..state.clone() });
    }
    pictures.finish();
}

#[test]
fn the_scrubber_of_a_recording() {
    let mut pictures = Pictures::default();
    let mut state = half_way();
    let layers = (0..12).map(|layer| ReplayMark { place: 3 + layer * 9, layer }).collect();
    state.playback = Playback { index: Some(ReplayIndex { events: 118, layers }), place: 60, ended: false };
    state.jobs.replay_paused = true;
    for size in SIZES {
        pictures.compare("scrubber", &State { size, ..state.clone() });
    }
    pictures.finish();
}

/// A live engine after the recorded run.
fn finished() -> State {
    let mut state = State { settings: half_way().settings, ..live() };
    let mut events = recorded().into_iter();
    handle(&mut state, events.by_ref().take(1).collect());
    state.schedule = half_way().schedule;
    press(&mut state, &["s"]);
    handle(&mut state, events.collect());
    (state.layer, state.screen, state.notice) = (8, Screen::Layer, None);
    state
}

#[test]
fn retries_that_wait() {
    let mut pictures = Pictures::default();
    let mut state = finished();
    press(&mut state, &["F", "r"]);
    update(&mut state, Msg::Paste("0.15, 0.25".into()));
    press(&mut state, &["enter"]);
    assert_eq!(state.waiting_retries(8).count(), 2);
    for size in SIZES {
        pictures.compare("waiting_retries", &State { size, ..state.clone() });
    }
    pictures.finish();
}

/// Three attempts of layer 8, the last of them without scores, measured on four windows.
fn three_attempts() -> State {
    let mut state = finished();
    let streams = StreamError { error: 0.02, norm: 3.0, cosine: 0.004, error_rest: 0.01, norm_rest: 2.0 };
    for number in 1..3 {
        let mut other = state.layers[8].attempts[0].clone();
        (other.attempt.number, other.seconds) = (number, Some(0.5 * number as f64));
        for record in [&mut other.record.attention, &mut other.record.mlp] {
            let steps = record.group_sizes.len() - 1;
            let kept: usize = record.group_sizes[..steps].iter().sum();
            let restored = record.removed.split_off(kept);
            record.kept.extend(restored);
            record.kept.sort_unstable();
            record.step_errors.truncate(steps);
            record.group_sizes.truncate(steps);
            record.relative_error *= 0.7;
        }
        if number == 2 {
            (other.attention, other.mlp) = (None, None);
        }
        state.layers[8].attempts.push(other);
    }
    press(&mut state, &["F", "home", "m", "down", "m", "down", "m", "w"]);
    let run = state.jobs.queue.front().unwrap().run;
    for (attempt, factor) in [(0, 1.0), (1, 0.8), (2, 0.9)] {
        for behind in 8..12 {
            let error = streams.error * factor * behind as f64;
            let mlp = StreamError { error, ..streams };
            let errors = StreamErrors { attention: streams, mlp };
            emit(&mut state, run, Event::AttemptCompared { layer: 8, attempt, windows: 4, behind, errors });
        }
    }
    emit(&mut state, run, Event::JobDone);
    state.notice = None;
    state
}

#[test]
fn attempts_side_by_side() {
    let mut pictures = Pictures::default();
    let mut state = three_attempts();
    for part in [Part::Attention, Part::Mlp] {
        state.screens.layer.part = part;
        for size in SIZES {
            pictures.compare(&format!("side_by_side_{part}"), &State { size, ..state.clone() });
        }
        for _ in 1..state.panels().len() {
            press(&mut state, &["f"]);
            let title = state.focused().title.to_lowercase().replace(' ', "_");
            pictures.compare(&format!("side_by_side_{part}_{title}"), &state);
        }
        press(&mut state, &["f"]);
    }
    pictures.finish();
}

#[test]
fn the_chart_of_size_and_perplexity() {
    let mut pictures = Pictures::default();
    let mut state = finished();
    let mut sessions = listed::usual();
    let hash = state.model.as_ref().unwrap().record.config_sha256.clone();
    let measured = sessions[0].content.as_ref().unwrap().perplexity.clone();
    for (at, session) in sessions.iter_mut().enumerate().take(3) {
        let Some(content) = &mut session.content else { continue };
        content.model.config_sha256 = hash.clone();
        content.model.parameters_after = 1_700_000 + 90_000 * at as u64;
        content.perplexity = measured.clone();
        if let Some(record) = &mut content.perplexity {
            record.after = Some(2.0 + 0.2 * ((at + 1) % 3) as f64);
        }
    }
    state.screen = Screen::Compare;
    update(&mut state, Msg::Sessions { now: 1_800_000_000, sessions: Ok(sessions) });
    press(&mut state, &["f", "f"]);
    state.notice = None;
    for size in SIZES {
        pictures.compare("pareto", &State { size, ..state.clone() });
    }
    press(&mut state, &["right", "down"]);
    pictures.compare("pareto_bytes", &state);
    pictures.finish();
}
