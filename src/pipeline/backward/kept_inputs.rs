//! A forward pass that keeps the input of every block: in memory, or in a temporary file beyond the memory budget.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    ops::Range,
    sync::{Mutex, PoisonError},
};

use candle_core::{DType, Device, Tensor};

use super::{
    super::chunks::{batches, chunks},
    BackwardObserver, BackwardProgress, BackwardStage, Error, ModelOnWindows, emit, memory,
};

/// The input of every block and the output of the last one, for all windows, in the number type of the forward pass.
pub struct KeptInputs {
    /// By layer and batch. The entry after the last layer is the output of the last block.
    layers: Vec<Vec<Kept>>,
    /// Windows of each batch.
    batches: Vec<Range<usize>>,
    seq_len: usize,
    file: Option<Mutex<File>>,
    device: Device,
}

/// h: [windows, seq_len, hidden], in host memory or in the file.
enum Kept {
    Memory(Tensor),
    File { offset: u64, shape: Vec<usize>, dtype: DType },
}

impl KeptInputs {
    /// Passes the windows through the model. Inputs of blocks take at most half the memory budget; those of the first blocks,
    /// which a backward pass needs last, go to a temporary file beyond that.
    ///
    /// # Errors
    /// If the model cannot be computed or the file cannot be written; [`Error::NotFinite`], and [`Error::Cancelled`] if the
    /// observer breaks.
    pub fn of(on: &ModelOnWindows<'_>, observer: &mut BackwardObserver<'_>) -> Result<Self, Error> {
        let windows: Vec<&[u32]> = on.windows.iter().collect();
        let chunks = chunks(windows.len(), on.windows.seq_len());
        let batches: Vec<Range<usize>> = batches(chunks, memory::windows_at_once(on)).collect();
        let ends = on.model.embedding_and_head(on.device, on.dtype)?;
        let mut stream: Vec<Tensor> =
            batches.iter().map(|batch| ends.embed(&windows[batch.clone()])).collect::<Result<_, _>>()?;
        drop(ends);
        let rope = on.model.rope(on.windows.seq_len(), on.device, on.dtype)?;

        let layers = on.model.architecture().layers.len();
        let in_file = memory::layers_in_file(on, layers + 1);
        let mut kept = Self {
            layers: Vec::with_capacity(layers + 1),
            batches,
            seq_len: on.windows.seq_len(),
            file: None,
            device: on.device.clone(),
        };
        let total = windows.len() as u64;
        for layer in 0..layers {
            kept.keep(&stream, layer < in_file)?;
            let block = on.model.block(layer, on.device, on.dtype)?;
            for (h, batch) in stream.iter_mut().zip(&kept.batches) {
                *h = block.forward(h, &rope)?;
                let done = batch.end as u64;
                emit(observer, BackwardProgress { stage: BackwardStage::Forward, layer, done, total })?;
            }
        }
        kept.keep(&stream, layers < in_file)?;
        Ok(kept)
    }

    /// Number of layers of the model.
    pub fn layers(&self) -> usize {
        self.layers.len() - 1
    }

    /// The windows of each batch, in order.
    pub fn batches(&self) -> &[Range<usize>] {
        &self.batches
    }

    /// Tokens per window.
    pub fn seq_len(&self) -> usize {
        self.seq_len
    }

    /// The input of a block for one batch: [windows, seq_len, hidden], on the device of the pass. The layer after the last is
    /// the output of the last block.
    ///
    /// # Errors
    /// If the file cannot be read or the device fails.
    ///
    /// # Panics
    /// If there is no such layer or batch.
    pub fn input(&self, layer: usize, batch: usize) -> Result<Tensor, Error> {
        match &self.layers[layer][batch] {
            Kept::Memory(h) => Ok(h.to_device(&self.device)?),
            Kept::File { offset, shape, dtype } => {
                let mut bytes = vec![0; shape.iter().product::<usize>() * dtype.size_in_bytes()];
                self.read(*offset, &mut bytes).map_err(Error::KeptInputs)?;
                Ok(Tensor::from_raw_buffer(&bytes, *dtype, shape, &self.device)?)
            }
        }
    }

    /// Bytes in host memory.
    pub fn memory_bytes(&self) -> u64 {
        let bytes = |kept: &Kept| match kept {
            Kept::Memory(h) => (h.elem_count() * h.dtype().size_in_bytes()) as u64,
            Kept::File { .. } => 0,
        };
        self.layers.iter().flatten().map(bytes).sum()
    }

    fn keep(&mut self, stream: &[Tensor], in_file: bool) -> Result<(), Error> {
        let kept = stream.iter().map(|h| match in_file {
            true => self.write(h),
            false => Ok(Kept::Memory(h.to_device(&Device::Cpu)?)),
        });
        let kept = kept.collect::<Result<_, Error>>()?;
        self.layers.push(kept);
        Ok(())
    }

    fn write(&mut self, h: &Tensor) -> Result<Kept, Error> {
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let file = tempfile::tempfile().map_err(Error::KeptInputs)?;
                self.file.insert(Mutex::new(file))
            }
        };
        let file = file.get_mut().unwrap_or_else(PoisonError::into_inner);
        let h = h.to_device(&Device::Cpu)?;
        let bytes = safetensors::View::data(&h);
        let offset = file.seek(SeekFrom::End(0)).map_err(Error::KeptInputs)?;
        file.write_all(&bytes).map_err(Error::KeptInputs)?;
        Ok(Kept::File { offset, shape: h.dims().to_vec(), dtype: h.dtype() })
    }

    fn read(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let Some(file) = &self.file else { return Err(io::ErrorKind::NotFound.into()) };
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(bytes)
    }
}
