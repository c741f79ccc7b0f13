//! `slimgpt logits`: writes the logits of a model on a text, for comparison with other programs.

use std::{io, path::PathBuf};

use candle_core::{DType, Device, Tensor};
use safetensors::{
    Dtype,
    tensor::{Metadata, TensorInfo},
};

use crate::{
    calibration::TextSource,
    config::{self, Evaluation, Machine},
    export,
    model::{BlockByBlock, Checkpoint, EmbeddingAndHead},
    protocol::Stage,
};

use super::{
    Context, Error, ModelChoice,
    evaluate::{EvalText, check_window, text_of},
    machine::forward_on,
};

pub struct Logits {
    pub model: ModelChoice,
    pub text: Option<TextSource>,
    /// N: tokens per window.
    pub seq_len: usize,
    /// K: number of windows from the start of the text, as in `slimgpt eval`.
    pub windows: usize,
    pub out: PathBuf,
    pub force: bool,
    pub machine: Machine,
}

/// Description of the written file.
pub struct LogitsWritten {
    pub model: String,
    pub text: String,
    /// `[K, N, vocab]`.
    pub shape: [usize; 3],
}

/// Writes safetensors: `tokens` i64 [K, N] and `logits` f32 [K, N, vocab].
pub fn logits(job: &Logits, context: &mut Context) -> Result<LogitsWritten, Error> {
    let (device, dtype) = forward_on(&job.machine)?;
    export::check_file(&job.out, job.force)?;
    config::at_least(1)("windows", &job.windows)?;
    let checkpoint = job.model.open(context)?;
    let windows = Evaluation { seq_len: job.seq_len, ..Evaluation::default() };
    check_window("seq-len", &windows, &checkpoint)?;
    let source = text_of(job.text.as_ref(), &job.model)?;
    let text = EvalText::new(source, &windows, &checkpoint, None, context)?;
    let windows: Vec<&[u32]> = text.windows().take(job.windows).collect();
    if windows.len() < job.windows {
        let (found, asked, seq_len) = (windows.len(), job.windows, job.seq_len);
        return Err(Error::TooFewWindows { text: text.name, found, asked, seq_len });
    }

    let shape = [windows.len(), job.seq_len, checkpoint.architecture().vocab];
    let ends = checkpoint.embedding_and_head(&device, dtype)?;
    let hidden = hidden(&checkpoint, &windows, (&device, dtype), &ends, context)?;
    let unwritable = export::unwritable(&job.out);
    let budget = job.machine.memory_budget.0;
    export::write_file_with(&job.out, job.force, |file| {
        file.write_all(&header(shape).map_err(&unwritable)?).map_err(&unwritable)?;
        for token in windows.iter().copied().flatten() {
            file.write_all(&i64::from(*token).to_le_bytes()).map_err(&unwritable)?;
        }
        for h in &hidden {
            // The logits of a whole window may exceed the memory budget.
            ends.logits_in_stretches(h, budget, |logits| -> Result<(), Error> {
                let numbers = logits.flatten_all().and_then(|all| all.to_vec1::<f32>());
                for logit in numbers.map_err(crate::model::Error::from)? {
                    file.write_all(&logit.to_le_bytes()).map_err(&unwritable)?;
                }
                Ok(())
            })?;
        }
        Ok::<(), Error>(())
    })?;
    Ok(LogitsWritten { model: checkpoint.name().into(), text: text.name, shape })
}

/// The output of the last block for each window, block by block: [1, N, hidden] each.
fn hidden(
    checkpoint: &Checkpoint,
    windows: &[&[u32]],
    (device, dtype): (&Device, DType),
    ends: &EmbeddingAndHead,
    context: &mut Context,
) -> Result<Vec<Tensor>, Error> {
    let length = windows.first().map_or(0, |window| window.len());
    let rope = BlockByBlock::rope(checkpoint, length, device, dtype)?;
    let mut hidden = windows.iter().map(|window| ends.embed(&[window])).collect::<Result<Vec<_>, _>>()?;
    let layers = checkpoint.architecture().layers.len();
    let total = (layers * windows.len()) as u64;
    let mut done = 0;
    for layer in 0..layers {
        let block = checkpoint.block(layer, device, dtype)?;
        for h in &mut hidden {
            *h = block.forward(h, &rope)?;
            done += 1;
            if context.progress(Stage::Evaluate { pruned: false }, done, total).is_break() {
                return Err(Error::Cancelled);
            }
        }
    }
    Ok(hidden)
}

/// The header of the written file, preceded by its length.
fn header([windows, seq_len, vocab]: [usize; 3]) -> io::Result<Vec<u8>> {
    let tokens = windows * seq_len * size_of::<i64>();
    let all = tokens + windows * seq_len * vocab * size_of::<f32>();
    let info = |dtype, shape, data_offsets| TensorInfo { dtype, shape, data_offsets };
    let tensors = vec![
        ("tokens".to_owned(), info(Dtype::I64, vec![windows, seq_len], (0, tokens))),
        ("logits".to_owned(), info(Dtype::F32, vec![windows, seq_len, vocab], (tokens, all))),
    ];
    let metadata = Metadata::new(None, tensors).map_err(io::Error::other)?;
    let mut text = serde_json::to_vec(&metadata)?;
    // Data begins at a multiple of 8 bytes.
    text.resize(text.len().next_multiple_of(8), b' ');
    Ok([&(text.len() as u64).to_le_bytes()[..], &text].concat())
}
