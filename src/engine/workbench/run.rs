//! A run: the layers from one to the last, each a new attempt that is in force at once.

use crate::{
    config::{Schedule, Settings},
    model::Architecture,
    pipeline::{self, LayerPlan, LayerTask, Pass},
    protocol::{Attempt, Event, Method, Seconds},
    prune::Ratio,
};

use super::{
    super::{
        calibrate::resolved,
        describe::{model_record, planned},
        evaluate::check_window,
        meter::{Meter, Yardstick},
    },
    Bench, Control, Error, Telling,
    attempts::Solved,
};

/// The ratios of a run, which may change for the layers that have not begun.
struct Course {
    /// As they were given, whatever the ratios.
    given: Settings,
    ratios: Vec<f64>,
    /// The settings given, with a schedule that yields the ratios.
    settings: Settings,
    plan: Vec<LayerPlan>,
}

impl Course {
    fn new(given: Settings, ratios: Vec<f64>, architecture: &Architecture) -> Result<Self, Error> {
        let settings = with_ratios(given.clone(), &ratios, architecture.layers.len());
        let plan = pipeline::plan(architecture, &settings)?;
        Ok(Self { given, ratios, settings, plan })
    }

    /// The same, with other ratios from `layer` on.
    fn replanned(&self, layer: usize, ratios: &[f64], architecture: &Architecture) -> Result<Self, Error> {
        let begun = self.ratios.iter().take(layer);
        let ratios = begun.chain(ratios.iter().skip(layer)).copied().collect();
        Self::new(self.given.clone(), ratios, architecture)
    }
}

/// Leaves a schedule that yields these ratios on the layers that are pruned; else they become the schedule.
fn with_ratios(settings: Settings, ratios: &[f64], layers: usize) -> Settings {
    let yields = |scheduled: Vec<Ratio>| {
        let same = |layer: usize| (scheduled[layer].get() - ratios[layer]).abs() < 1e-12;
        ratios.len() == layers && settings.layers.resolve(layers).is_ok_and(|mut range| range.all(same))
    };
    if pipeline::scheduled(layers, &settings).is_ok_and(yields) {
        return settings;
    }
    let schedule = Schedule::Custom(ratios.to_vec());
    Settings { schedule, ratio: None, first_ratio: None, last_ratio: None, ..settings }
}

impl Bench<'_> {
    pub(super) fn run(
        &mut self,
        from: usize,
        ratios: Vec<f64>,
        settings: Settings,
        control: &mut Control,
    ) -> Result<Event, Error> {
        let (checkpoint, architecture) = (self.checkpoint, self.checkpoint.architecture());
        self.attempts.above(from)?;
        let mut course = Course::new(resolved(settings, architecture)?, ratios, architecture)?;
        let settings = course.settings.clone();
        let (device, dtype) = self.forward(&settings.machine)?;
        if settings.eval.is_some() {
            check_window("eval-seq-len", settings.eval_seq_len, settings.bos, checkpoint)?;
        }
        control.tell(Event::RunStarted {
            from,
            model: model_record(checkpoint, architecture)?,
            settings: Box::new(settings.clone()),
            plan: course.plan.iter().zip(&architecture.layers).map(planned).collect(),
        });
        let calibration = self.calibration(&settings, Telling::Always, control)?;
        self.settings.clone_from(&settings);

        let mut seconds = Seconds::default();
        let yardstick = Yardstick::of_run(&settings);
        let mut meter = match &yardstick {
            Some(yardstick) => {
                yardstick.warn(&settings.calibration, control);
                Some(Meter::new(yardstick, (&device, dtype), checkpoint, control)?)
            }
            None => None,
        };
        if let Some(meter) = &mut meter {
            control.timed(&mut seconds.evaluate, |control| self.measure_before(meter, control))?;
        }
        let pass = self.pass(&settings, &calibration, (&device, dtype));
        self.run_layers(from, &mut course, &pass, &mut seconds, control)?;
        if let Some(meter) = &mut meter {
            control.timed(&mut seconds.evaluate, |control| self.measure_after(meter, control))?;
        }
        seconds.total = control.seconds();
        self.seconds = seconds;
        let perplexity = meter.map(|meter| meter.record);
        let record = self.record(course.settings, &calibration, perplexity, seconds)?;
        Ok(Event::RunDone { record: Box::new(record) })
    }

    fn run_layers(
        &mut self,
        from: usize,
        course: &mut Course,
        pass: &Pass,
        seconds: &mut Seconds,
        control: &mut Control,
    ) -> Result<(), Error> {
        let began = control.seconds();
        let mut streams = self.approach(from, pass, control)?;
        for layer in from..course.plan.len() {
            if control.checkpoint().is_break() {
                return Err(Error::Cancelled);
            }
            if let Some(ratios) = control.replanned() {
                self.replan(course, layer, &ratios, control);
            }
            self.keep_streams(layer, &streams, pass.settings);
            let number = self.attempts.next_number(layer);
            let method = Method::of_run(pass.settings, course.plan[layer].ratio);
            control.tell(Event::LayerStarted { layer, attempt: number, method: method.clone() });
            let task = LayerTask::of_plan(layer, &course.plan[layer]);
            let solved = pass.layer(&task, &mut streams, None, &mut |notice| control.hear(notice))?;
            seconds.solve += solved.solve_seconds;
            let attempt = Attempt { number, above: self.attempts.above(layer)?, method };
            let record = solved.record;
            self.attempts.add(Solved { record: record.clone(), cut: solved.cut });
            self.attempts.choose(layer, Some(number))?;
            control.tell(Event::LayerDone { record, attempt });
        }
        seconds.calibration = control.seconds() - began - seconds.solve;
        Ok(())
    }

    /// Goes on with other ratios from `layer` on; ratios that cannot be are told and dropped.
    fn replan(&mut self, course: &mut Course, layer: usize, ratios: &[f64], control: &mut Control) {
        match course.replanned(layer, ratios, self.checkpoint.architecture()) {
            Ok(replanned) => {
                *course = replanned;
                self.settings.clone_from(&course.settings);
            }
            Err(error) => {
                let message = format!("the new ratios are not taken over: {error}");
                control.tell(Event::Warning { message });
            }
        }
    }
}
