//! The models that are measured, and their tokens.

use std::{
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use slimgpt::{
    calibration::{Text, encode},
    demo,
    model::{Architecture, Checkpoint, Precision, Source},
};

use crate::{
    Fallible,
    common::checkpoint::{self, Shape},
    work::Inputs,
};

/// About 800 kB, which has more tokens than any measurement takes.
const STORIES: usize = 1200;

pub struct Models<'a> {
    /// The directory for random models and tokens.
    pub work: &'a Path,
    /// A copy of SmolLM2-135M.
    pub smollm2: Option<PathBuf>,
    pub quick: bool,
}

/// A model and its name in the table.
pub struct Named {
    pub name: String,
    pub directory: PathBuf,
}

impl Models<'_> {
    /// SmolLM2-135M, or random weights of its shape.
    pub fn smollm2(&self) -> Fallible<Named> {
        if self.quick {
            let directory = self.random("small", &Shape::small(2))?;
            return Ok(Named { name: "a small model".into(), directory });
        }
        Ok(match &self.smollm2 {
            Some(directory) => Named { name: "SmolLM2-135M".into(), directory: directory.clone() },
            None => Named {
                name: "random weights of SmolLM2-135M's shape".into(),
                directory: self.random("smollm2", &shape_of_smollm2())?,
            },
        })
    }

    /// One random block of LLaMA-7B. Its vocabulary is small, because it is not measured.
    pub fn block_of_7b(&self) -> Fallible<Named> {
        let shape = if self.quick { Shape::small(1) } else { Shape { vocab: 1024, ..Shape::of_7b(1) } };
        let Shape { hidden, ffn, .. } = shape;
        let name = format!("a block, hidden {hidden}, {ffn} channels");
        Ok(Named { name, directory: self.random("block", &shape)? })
    }

    /// The first tokens of stories, [windows, length]; None of the layers is left out if `layers` is None.
    pub fn inputs(
        &self,
        model: &Named,
        (windows, length): (usize, usize),
        layers: Option<usize>,
    ) -> Fallible<(Inputs, Architecture)> {
        let checkpoint = Checkpoint::open(Source::directory(&model.directory))?;
        let text = Text::inline("stories", demo::text(0, STORIES));
        let ids = encode(&checkpoint.tokenizer()?, &[text], &mut |_, _| ControlFlow::Continue(()))?;
        let ids = ids.get(..windows * length).ok_or("the stories have too few tokens")?;
        let directory = model.directory.file_name().unwrap_or_default().to_string_lossy();
        let tokens = self.work.join(format!("{directory}-{windows}-{length}.json"));
        fs::write(&tokens, serde_json::to_vec(ids)?)?;
        let architecture = checkpoint.architecture().clone();
        let all = architecture.layers.len();
        let layers = layers.map_or(all, |layers| layers.min(all));
        Ok((Inputs { model: model.directory.clone(), tokens, windows, length, layers }, architecture))
    }

    fn random(&self, name: &str, shape: &Shape) -> Fallible<PathBuf> {
        let directory = self.work.join(name);
        if !directory.exists() {
            checkpoint::write(shape, &directory)?;
        }
        Ok(directory)
    }
}

fn shape_of_smollm2() -> Shape {
    Shape {
        hidden: 576,
        heads: 9,
        kv_heads: Some(3),
        ffn: 1536,
        vocab: 49_152,
        dtype: Precision::BF16,
        ..Shape::small(30)
    }
}
