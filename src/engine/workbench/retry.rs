//! One layer again, with a method of its own; the new attempt lies beside the earlier ones.

use crate::{
    config::Part,
    pipeline::{LayerTask, Task, plan_layer},
    protocol::{Attempt, Event, Method},
};

use super::{Bench, Control, Error, Telling, attempts::Solved};

impl Bench<'_> {
    pub(super) fn retry(
        &mut self,
        layer: usize,
        method: Method,
        control: &mut Control,
    ) -> Result<Event, Error> {
        let above = self.attempts.above(layer)?;
        if method.parts.is_empty() {
            return Err(Error::NoPart { layer });
        }
        let settings = self.settings_with(&method)?;
        let size = self.checkpoint.architecture().layers[layer];
        let plan = plan_layer(&size, method.ratio, &settings)?;
        let (device, dtype) = self.forward(&settings.machine)?;
        let calibration = self.calibration(&settings, Telling::WhenDrawn, control)?;
        let pass = self.pass(&settings, &calibration, (&device, dtype));
        let mut streams = self.approach(layer, &pass, control)?;

        let number = self.attempts.next_number(layer);
        control.tell(Event::LayerStarted { layer, attempt: number, method: method.clone() });
        let mut known = self.take_known(layer, &settings);
        let task = LayerTask {
            layer,
            ratio: plan.ratio,
            attention: self.task(layer, Part::Attention, plan.attention),
            mlp: self.task(layer, Part::Mlp, plan.mlp),
        };
        let solved = pass.layer(&task, &mut streams, known.as_mut(), &mut |notice| control.hear(notice));
        self.keep_known(layer, known, &settings);
        let solved = solved?;
        let attempt = Attempt { number, above, method };
        let record = solved.record;
        self.attempts.add(Solved { record: record.clone(), cut: solved.cut });
        control.tell(Event::LayerDone { record, attempt });
        Ok(Event::JobDone)
    }

    /// Solves a part that is to lose so many units; any other is as the attempt in force has it.
    pub(super) fn task(&self, layer: usize, part: Part, remove: Option<usize>) -> Task<'_> {
        match (remove, self.attempts.in_force(layer)) {
            (Some(remove), _) => Task::Solve { remove },
            (None, Some(solved)) => {
                let record = match part {
                    Part::Attention => &solved.record.attention,
                    Part::Mlp => &solved.record.mlp,
                };
                Task::TakeOver { record, cut: &solved.cut }
            }
            (None, None) => Task::Leave,
        }
    }
}
