//! A script of keys and engine events.

use crate::{
    config::Settings,
    explorer::{
        Dialog, Effect, JobStatus, Key, KeyMap, Msg, Origin, Pointed, Pointer, Press, Start, State, update,
    },
    protocol::{
        Attempt, Command, Event, HessianStats, LayerRecord, LayerShape, Method, ModelRecord, ModelShape,
        MomentPicture, Pace, PartRecord, Stamped,
    },
    prune::{AttentionUnitChoice, Part},
};

pub struct Script {
    pub state: State,
    /// Effects of the last message.
    pub effects: Vec<Effect>,
    /// Time of the last event, in seconds.
    at: f64,
}

impl Script {
    /// An explorer whose model is not open yet.
    pub fn unopened(origin: Origin) -> Self {
        let mut settings: Settings = "schedule = \"log\"\nby_parameters = false".parse().unwrap();
        settings.calibration.texts = vec!["demo:stories".parse().unwrap()];
        settings.objective.attention_unit = AttentionUnitChoice::KvGroup;
        let start = Start {
            origin,
            settings,
            keymap: KeyMap::default(),
            themes: vec!["dark".into(), "light".into()],
            theme: 0,
            mouse: true,
            idle_curves: false,
            pace: Pace::Free,
            eval: Some("demo:held-out".parse().unwrap()),
            model_argument: Some("tiny".into()),
            sessions_root: Some("/state/sessions".into()),
            offers: false,
            size: (80, 24),
        };
        Self { state: State::new(start), effects: Vec::new(), at: 0.0 }
    }

    /// An explorer with a model of `layers` layers of 4 KV heads (8 heads) and 10 channels.
    pub fn opened(layers: usize) -> Self {
        let mut script = Self::unopened(Origin::Live { model: "tiny".into() });
        script.handle(0, opened(layers));
        script
    }

    /// An explorer that has pruned all layers in one run.
    pub fn pruned(layers: usize) -> Self {
        let mut script = Self::opened(layers);
        script.keys("s");
        let run = script.run();
        script.handle(run, script.run_started());
        for layer in 0..layers {
            script.prune(run, layer, 0, vec![0; layer]);
        }
        script.handle(run, Event::JobDone);
        script
    }

    pub fn send(&mut self, msg: Msg) {
        self.effects = update(&mut self.state, msg);
    }

    /// Presses keys, named as `Key::named` reads them and separated by blanks.
    pub fn keys(&mut self, keys: &str) {
        for key in keys.split_whitespace() {
            self.send(Msg::Key(Key::named(key).unwrap()));
        }
    }

    /// Types a text into the open text field.
    pub fn text(&mut self, text: &str) {
        self.send(Msg::Paste(text.into()));
    }

    /// Replaces the text of the field under the cursor.
    pub fn retype(&mut self, text: &str) {
        self.keys("ctrl-u");
        self.text(text);
    }

    pub fn click(&mut self, at: Pointed) {
        self.point(Press::Click, at);
    }

    pub fn point(&mut self, press: Press, at: Pointed) {
        self.send(Msg::Pointer(Pointer { press, at }));
    }

    pub fn handle(&mut self, run: u64, event: Event) {
        self.at += 1.0;
        self.send(Msg::Engine(Stamped { run, at: self.at, event }));
    }

    /// The command sent by the last message, which must be its only effect.
    pub fn command(&self) -> &Command {
        match &self.effects[..] {
            [Effect::Command(command)] => command,
            other => panic!("expected one command, found {other:?}"),
        }
    }

    /// Number of the running job.
    pub fn run(&self) -> u64 {
        self.state.job().unwrap().run
    }

    pub fn notice(&self) -> &str {
        self.state.notice.as_ref().map_or("", |notice| &notice.text)
    }

    /// The reason of the refusal that is shown, as a dialog or as a notice.
    pub fn refusal(&self) -> &str {
        match self.state.dialogs.last() {
            Some(Dialog::Refusal(refusal)) => &refusal.why,
            _ => self.notice(),
        }
    }

    pub fn form_text(&self, label: &str) -> String {
        match self.state.dialogs.last() {
            Some(Dialog::Form(form)) => {
                let field = form.fields.iter().find(|field| field.label == label).unwrap();
                form.text(field.id).unwrap().to_string()
            }
            other => panic!("expected a form, found {other:?}"),
        }
    }

    pub fn form_error(&self) -> Option<String> {
        match self.state.dialogs.last() {
            Some(Dialog::Form(form)) => form.error.clone(),
            Some(_) | None => None,
        }
    }

    /// Moves the form's cursor to a field.
    pub fn field(&mut self, label: &str) {
        let Some(Dialog::Form(form)) = self.state.dialogs.last_mut() else { panic!("no form is open") };
        form.at = form.fields.iter().position(|field| field.label == label).unwrap();
    }

    pub fn run_started(&self) -> Event {
        let model = self.state.model.as_ref().unwrap().record.clone();
        let settings = Box::new(self.state.settings_of_run());
        Event::RunStarted { from: 0, model, settings, plan: Vec::new() }
    }

    /// Solves a layer with the planned ratio, event by event.
    pub fn prune(&mut self, run: u64, layer: usize, number: usize, above: Vec<usize>) {
        let method = Method::of_run(&self.state.settings, self.state.schedule.ratios[layer]);
        self.handle(run, Event::LayerStarted { layer, attempt: number, method: method.clone() });
        for (part, units) in [(Part::Attention, 4), (Part::Mlp, 10)] {
            self.handle(run, hessian(layer, part, units));
            self.handle(run, removed(layer, part, 0, vec![1]));
            self.handle(run, Event::PartDone { layer, part, record: record(units) });
        }
        self.handle(run, layer_done(layer, Attempt { number, above, method }));
    }

    /// Retries layer 1 with another ratio; the new attempt is not active.
    pub fn retry_layer_one(&mut self, ratio: f64) {
        let method = Method::of_run(&self.state.settings, ratio);
        self.state.layer = 1;
        self.keys("2 r enter");
        let run = self.run();
        self.handle(run, layer_done(1, Attempt { number: 1, above: vec![0], method }));
        self.handle(run, Event::JobDone);
    }

    pub fn status(&self) -> JobStatus {
        self.state.job().unwrap().status.clone()
    }
}

pub fn opened(layers: usize) -> Event {
    let shape = LayerShape {
        heads: 8,
        kv_heads: 4,
        channels: 10,
        per_kv_group: 100,
        per_query_head: 30,
        per_channel: 10,
    };
    let parameters = 1000 * layers as u64 + 1000;
    Event::ModelOpened {
        model: ModelRecord {
            name: "tiny".into(),
            family: "llama".into(),
            layers,
            parameters_before: parameters,
            parameters_after: parameters,
            config_sha256: String::new(),
            quantised: Vec::new(),
        },
        shape: ModelShape {
            hidden: 16,
            head_dim: 4,
            vocab: 64,
            max_positions: 256,
            parameters,
            bytes: 2 * parameters,
            layers: vec![shape; layers],
        },
    }
}

pub fn hessian(layer: usize, part: Part, units: usize) -> Event {
    let stats = HessianStats {
        trace: 1.0,
        diag_min: 0.0,
        diag_mean: 0.1,
        diag_max: 0.2,
        dead: 1,
        condition: 100.0,
        damping_used: 0.01,
    };
    let scores = (0..units).map(|unit| unit as f32 + 1.0).collect();
    Event::HessianStatistics {
        layer,
        part,
        stats,
        picture: MomentPicture::default(),
        scores,
        energy: Some(2.0),
    }
}

pub fn removed(layer: usize, part: Part, step: usize, units: Vec<usize>) -> Event {
    Event::UnitsRemoved { layer, part, step, units, error: 0.5 }
}

pub fn record(units: usize) -> PartRecord {
    PartRecord {
        kept: (0..units).filter(|&unit| unit != 1).collect(),
        removed: vec![1],
        step_errors: vec![0.5],
        group_sizes: vec![1],
        relative_error: 0.25,
        ..PartRecord::untouched(units, 1)
    }
}

pub fn layer_done(layer: usize, attempt: Attempt) -> Event {
    let ratio = attempt.method.ratio;
    let output_error = Some(0.01 * (layer + 1) as f64);
    let record = LayerRecord { index: layer, ratio, attention: record(4), mlp: record(10), output_error };
    Event::LayerDone { record, attempt }
}
