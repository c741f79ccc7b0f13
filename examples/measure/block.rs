//! Calibration of one block, compared with one forward pass and the second moments of both parts.

use std::path::Path;

use crate::{
    common::{calibration::Calibration, checkpoint::Shape},
    flops,
    rate::{Evaluation, Fallible},
    solves::of_flops,
    table::Row,
};

pub fn calibration(evaluation: &Evaluation, work: &Path, quick: bool) -> Fallible<Vec<Row>> {
    let (shape, samples, seq_len) =
        if quick { (Shape::small(1), 4, 128) } else { (Shape::of_7b(1), 16, 1024) };
    let calibration = Calibration::new(&shape, samples, seq_len, &work.join("one-block"))?;
    let streams = calibration.pass().enter()?;
    let timed = evaluation.around(|| Ok(calibration.block(streams)?.as_secs_f64()))?;
    let flops = flops::calibration(calibration.checkpoint.architecture(), samples, seq_len);
    let Shape { hidden, ffn, .. } = shape;
    let what = format!("calibration of a block, hidden {hidden}, {ffn} channels, {samples}×{seq_len} tokens");
    Ok(vec![of_flops(what, &timed, flops, Some(1.4))])
}
