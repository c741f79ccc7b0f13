//! Writing what the attempts in force make.

use std::path::Path;

use crate::{
    config::Format,
    export::{OutputDir, ShardWriter},
    model::BlockByBlock,
    pipeline::BlockCut,
    protocol::{Event, Stage},
};

use super::{
    super::publish::{directory, publish, write_rest},
    Bench, Control, Error, Telling,
};

impl Bench<'_> {
    pub(super) fn export(
        &mut self,
        format: Format,
        out: &Path,
        force: bool,
        control: &mut Control,
    ) -> Result<Event, Error> {
        match format {
            Format::Hf => self.export_hf(out, force, control),
        }
    }

    /// The files that a run without a screen writes, with the same bytes.
    fn export_hf(&mut self, out: &Path, force: bool, control: &mut Control) -> Result<Event, Error> {
        let out = OutputDir::create(out, force, directory(self.checkpoint))?;
        let settings = self.settings()?;
        let calibration = self.calibration(&settings, Telling::WhenDrawn, control)?;
        let began = control.seconds();
        let mut shards = ShardWriter::default();
        let cuts = self.attempts.cuts();
        // The last step is what lies beside the blocks.
        let total = cuts.len() as u64 + 1;
        for (layer, cut) in cuts.into_iter().enumerate() {
            let tensors = match cut {
                Some(cut) => cut.tensors(self.checkpoint)?,
                None => BlockCut::new(layer).tensors(self.checkpoint)?,
            };
            shards.add(&out, tensors)?;
            if control.progress(Stage::Export, layer as u64 + 1, total).is_break() {
                return Err(Error::Cancelled);
            }
        }
        write_rest(self.checkpoint, self.cut_model().architecture(), &calibration.windows, shards, &out)?;
        if control.progress(Stage::Export, total, total).is_break() {
            return Err(Error::Cancelled);
        }
        let mut seconds = self.seconds;
        seconds.export = control.seconds() - began;
        seconds.total += seconds.export;
        let record = self.record(settings, &calibration, self.newest_perplexity(), seconds)?;
        publish(out, &record, control)?;
        Ok(Event::JobDone)
    }
}
