//! Replays of recordings.

use super::{
    Script,
    pictures::picture,
    script::{hessian, layer_done, opened, removed},
};
use crate::{
    config::Settings,
    explorer::{Effect, JobKind, Msg, Origin, Pointed, Screen, Status},
    protocol::{
        Attempt, Command, Control, Event, Method, PlannedLayer, ReplayIndex, ReplayMark, ReplayNews, Seek,
        Stamped,
    },
    prune::Part,
};

fn replay() -> Script {
    let mut script = Script::unopened(Origin::Replay { file: "run.jsonl".into(), speed: 1.0 });
    script.handle(1, opened(2));
    script
}

#[test]
fn a_recorded_run_is_shown_with_its_ratios() {
    let mut script = replay();
    let plan = [0.1, 0.4].map(|ratio| PlannedLayer {
        ratio: ratio.into(),
        heads: 8,
        kv_heads: 4,
        channels: 10,
        attention_unit: None,
        attention_units: Some(1),
        mlp_units: Some(1),
    });
    let Event::RunStarted { from, model, settings, .. } = script.run_started() else { panic!() };
    script.handle(1, Event::JobStarted { kind: JobKind::Run });
    script.handle(1, Event::RunStarted { from, model, settings, plan: plan.to_vec() });
    assert_eq!(script.state.schedule.ratios, [0.1, 0.4]);
    script.prune(1, 0, 0, vec![]);
    assert_eq!(script.state.status(0), Status::Done);
}

#[test]
fn a_recorded_activation_also_sets_the_planned_ratio() {
    let mut script = replay();
    let Event::RunStarted { model, settings, .. } = script.run_started() else { panic!() };
    script.handle(1, Event::JobStarted { kind: JobKind::Run });
    script.handle(1, Event::RunStarted { from: 1, model, settings, plan: Vec::new() });
    let job = script.state.job().unwrap();
    assert_eq!((job.kind, job.from), (JobKind::Run, 1));
    script.prune(1, 0, 0, vec![]);
    script.handle(1, Event::JobDone);
    let method = Method::of_run(&script.state.settings, 0.7);
    script.handle(2, Event::JobStarted { kind: JobKind::Retry });
    script.handle(2, Event::LayerStarted { layer: 0, attempt: 1, method: method.clone() });
    script.handle(2, layer_done(0, Attempt { number: 1, above: vec![], method }));
    script.handle(2, Event::JobDone);
    script.handle(2, Event::AttemptActivated { layer: 0, attempt: Some(1) });
    assert_eq!((script.state.layers[0].chosen, script.state.schedule.ratios[0]), (Some(1), 0.7.into()));
    assert_eq!(script.state.status(0), Status::Done);
    script.handle(0, Event::AttemptActivated { layer: 0, attempt: None });
    assert_eq!((script.state.layers[0].chosen, script.state.status(0)), (None, Status::Waiting));
}

#[test]
fn speed_and_pause_are_sent_to_the_replay() {
    let mut script = replay();
    script.keys(">");
    assert_eq!(script.effects, [Effect::Command(Command::ReplaySpeed(2.0))]);
    script.keys("space");
    assert_eq!(script.effects, [Effect::Command(Command::control(0, Control::Pause))]);
    assert!(script.state.jobs.replay_paused);
    script.keys("n");
    assert_eq!(script.effects, [Effect::Command(Command::control(0, Control::Step))]);
    script.keys("space");
    assert_eq!(script.effects, [Effect::Command(Command::control(0, Control::Resume))]);
}

#[test]
fn a_replay_sends_no_jobs() {
    let mut script = replay();
    for keys in ["s", "R", "r", "c", "E", "3 up", "3 d", "5 w", "5 m", "o"] {
        script.keys(keys);
        assert!(script.effects.is_empty(), "{keys}");
        assert!(script.refusal().contains("recording"), "{keys}: {}", script.refusal());
        script.state.dialogs.clear();
    }
}

#[test]
fn the_end_of_a_replay_is_reported_and_its_state_kept() {
    let mut script = replay();
    script.send(Msg::EngineGone(None));
    assert!(script.effects.is_empty() && script.notice().contains("has ended"));
    script.keys("q");
    assert_eq!(script.effects, [Effect::Quit]);
}

/// The events of a run over two layers.
fn run_of_two() -> Vec<Stamped> {
    let script = Script::pruned(2);
    let settings = script.state.settings.clone();
    let mut events = vec![opened(2), Event::JobStarted { kind: JobKind::Run }];
    for layer in 0..2 {
        let method = Method::of_run(&settings, 0.5);
        events.push(Event::LayerStarted { layer, attempt: 0, method: method.clone() });
        events.push(hessian(layer, Part::Attention, 4));
        events.push(removed(layer, Part::Attention, 0, vec![0]));
        let picture = Box::new(picture(4, 0));
        events.push(Event::StepPictured { layer, part: Part::Attention, step: 0, picture });
        events.push(layer_done(layer, Attempt { number: 0, above: vec![0; layer], method }));
    }
    events.push(Event::JobDone);
    let stamped = |(at, event): (usize, Event)| Stamped { run: u64::from(at > 0), at: at as f64, event };
    events.into_iter().enumerate().map(stamped).collect()
}

#[test]
fn going_back_shows_what_was_shown_there_and_keeps_the_screen() {
    let events = run_of_two();
    let play = |place: usize| {
        let mut script = Script::unopened(Origin::Replay { file: "run.jsonl".into(), speed: 1.0 });
        script.state.settings = Settings::default();
        for (at, stamped) in events[..place].iter().cloned().enumerate() {
            script.send(Msg::Replay(ReplayNews::Event { place: at + 1, stamped }));
        }
        script
    };
    for place in 1..events.len() {
        let mut script = play(events.len());
        script.keys("4");
        script.send(Msg::Replay(ReplayNews::Rebuilt { place, events: events[..place].to_vec() }));
        assert_eq!((script.state.screen, script.state.playback.place), (Screen::Errors, place));
        let mut there = play(place);
        there.keys("4");
        (there.state.jobs.replay_paused, there.state.notice) = (true, None);
        there.state.screens.layer.attempt = script.state.screens.layer.attempt;
        assert_eq!(script.state, there.state, "event {place}");
    }
}

#[test]
fn keys_and_the_scrubber_move_a_recording() {
    let mut script = replay();
    let index = ReplayIndex { events: 40, layers: vec![ReplayMark { place: 10, layer: 0 }] };
    script.keys(")");
    assert!(script.effects.is_empty() && script.notice().contains("being read"));
    script.send(Msg::Replay(ReplayNews::Index(index)));
    for (key, seek) in [
        ("(", Seek::Events(-1)),
        (")", Seek::Events(1)),
        ("{", Seek::Layers(-1)),
        ("}", Seek::Layers(1)),
        ("0", Seek::Place(0)),
    ] {
        script.keys(key);
        assert_eq!(script.effects, [Effect::Command(Command::ReplaySeek(seek))], "{key}");
        assert!(script.state.jobs.replay_paused);
    }
    script.click(Pointed::Recording(0.5));
    assert_eq!(script.effects, [Effect::Command(Command::ReplaySeek(Seek::Place(20)))]);
    script.send(Msg::Replay(ReplayNews::Ended));
    assert!(script.notice().contains("has ended"));
    let mut live = Script::pruned(1);
    live.keys("(");
    assert!(live.effects.is_empty() && live.notice().contains("only a recording"));
}
