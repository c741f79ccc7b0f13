//! `slimgpt logits`: writes the logits of a model on a text, for comparison with other programs.

use std::path::PathBuf;

use safetensors::{Dtype, tensor::TensorView};

use crate::{
    calibration::TextSource,
    config::{self, Evaluation, Machine},
    export,
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

    let decoder = checkpoint.decoder(job.seq_len, &device, dtype)?;
    let mut logits = Vec::new();
    for (done, window) in windows.iter().enumerate() {
        // Logits are computed one window at a time: intermediate results of all windows would double the
        // memory.
        let of_window: Vec<f32> = decoder
            .logits(&[window])?
            .flatten_all()
            .and_then(|all| all.to_vec1())
            .map_err(crate::model::Error::from)?;
        logits.extend(of_window.iter().flat_map(|logit| logit.to_le_bytes()));
        let stage = Stage::Evaluate { pruned: false };
        if context.progress(stage, done as u64 + 1, windows.len() as u64).is_break() {
            return Err(Error::Cancelled);
        }
    }
    let tokens: Vec<u8> =
        windows.iter().copied().flatten().flat_map(|&token| i64::from(token).to_le_bytes()).collect();

    let shape = [windows.len(), job.seq_len, checkpoint.architecture().vocab];
    let view = |dtype, shape: &[usize], bytes| TensorView::new(dtype, shape.to_vec(), bytes);
    let tensors = || {
        let tokens = view(Dtype::I64, &shape[..2], &tokens)?;
        safetensors::serialize([("tokens", tokens), ("logits", view(Dtype::F32, &shape, &logits)?)], None)
    };
    let bytes = tensors().map_err(|cause| export::Error::Write {
        path: job.out.clone(),
        cause: std::io::Error::other(cause),
    })?;
    export::write_file(&job.out, job.force, &bytes)?;
    Ok(LogitsWritten { model: checkpoint.name().into(), text: text.name, shape })
}
