//! A Hugging Face directory: safetensors, `config.json`, the tokenizer, and modeling code if layers differ in size.

mod config;
mod nemotron;
mod shards;

use std::path::Path;

use candle_core::DType;

use crate::model::{
    Architecture, BlockByBlock, Checkpoint, Family, Precision, QkNorm, Shapes, Slot, Source, StoredTensor,
    end_tensors, join_fused, stored_tensors,
};

use self::{
    config::ModelClass,
    shards::{Announced, ShardWriter},
};
use super::{
    Error, ExportPlan, Format, OutputDir, Remedy, companions,
    format::{Example, Exporter, FormatWriter, Layout, Loading, SAME_NUMBERS, WrittenForm},
    stored,
};

/// The modeling code that transformers loads with the configuration (`trust_remote_code`).
const MODELING: &str = include_str!("../../../assets/hf/modeling_slimgpt.py");
const MODELING_NAME: &str = "modeling_slimgpt.py";

/// The formats that are Hugging Face directories. They differ in tensor shapes and configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Directory {
    /// The sizes after pruning.
    Narrow,
    /// The original sizes, with zeros in place of removed weights.
    Padded,
    /// The sizes after pruning, in a configuration that several engines support.
    NemotronNas,
}

impl Directory {
    fn format(&self) -> Format {
        match self {
            Self::Narrow => Format::Hf,
            Self::Padded => Format::Padded,
            Self::NemotronNas => Format::NemotronNas,
        }
    }

    fn shapes(self) -> Shapes {
        match self {
            Self::Narrow | Self::NemotronNas => Shapes::Narrow,
            Self::Padded => Shapes::Padded,
        }
    }

    fn class(self, checkpoint: &Checkpoint, written: &Architecture) -> ModelClass {
        match self {
            Self::Narrow => ModelClass::of(written),
            Self::Padded => ModelClass::of_unpruned(checkpoint.config(), written),
            Self::NemotronNas => ModelClass::NemotronNas,
        }
    }

    /// The written architecture. Padded shapes are those of the checkpoint, with the biases of the pruned
    /// model.
    fn written(&self, checkpoint: &Checkpoint, pruned: &Architecture) -> Architecture {
        match self.shapes() {
            Shapes::Narrow => pruned.clone(),
            Shapes::Padded => checkpoint.architecture().with_output_biases(pruned.o_bias, pruned.mlp_bias),
        }
    }
}

/// The layer whose cache transformers asks for its length, if it has no attention: the first layer with the sliding window, or
/// the first without.
fn without_cache(architecture: &Architecture) -> Option<usize> {
    let first = |windowed| architecture.positions.iter().position(|layer| layer.windowed == windowed);
    let asked = [first(false), first(true)].into_iter().flatten();
    asked.filter(|&layer| !architecture.layers[layer].has_attention()).min()
}

impl Exporter for Directory {
    fn layout(&self) -> Layout {
        Layout::Directory
    }

    /// Refuses padded projections with one norm over all heads, because the norm counts the zeros, and biases added by
    /// pruning, if the family's classes in transformers have none.
    fn check(&self, plan: ExportPlan<'_, '_>) -> Result<(), Error> {
        let (before, pruned) = (plan.checkpoint.architecture(), plan.pruned);
        if *self == Self::NemotronNas {
            return nemotron::check(before, pruned);
        }
        if let Some(layer) = without_cache(before) {
            let why =
                format!("layer {layer} has no attention, but transformers counts the cached tokens there");
            return Err(Error::Inexpressible { format: self.format(), why, remedies: Vec::new() });
        }
        let family = before.family;
        let heads = |architecture: &Architecture| -> Vec<usize> {
            architecture.layers.iter().map(|size| size.heads).collect()
        };
        if self.shapes() == Shapes::Padded
            && before.form.qk_norm == QkNorm::Projections
            && heads(before) != heads(pruned)
        {
            let why = format!(
                "{family} normalises all heads together, so zeros in place of removed heads would change the result"
            );
            return Err(Error::Inexpressible {
                format: self.format(),
                why,
                remedies: vec![Remedy::Export(&[Format::Hf]), Remedy::MlpOnly],
            });
        }
        let (attention, mlp) = family.output_biases();
        let added = [
            ("o_proj", pruned.o_bias && !before.o_bias && !attention),
            ("down_proj", pruned.mlp_bias && !before.mlp_bias && !mlp),
        ];
        match added.into_iter().find(|(_, refused)| *refused) {
            None => Ok(()),
            Some((projection, _)) => {
                let mut remedies = match family {
                    Family::Llama | Family::Mistral | Family::Ministral | Family::Qwen2 | Family::Phi3 => {
                        vec![Remedy::Export(&[Format::Gguf]), Remedy::NoBiasCompensation]
                    }
                    Family::Qwen3
                    | Family::SmolLm3
                    | Family::Granite
                    | Family::Olmo2
                    | Family::Gemma2
                    | Family::Gemma3 => vec![Remedy::NoBiasCompensation],
                };
                if attention {
                    remedies.push(Remedy::AttentionOnly);
                }
                let why = format!(
                    "{family} in transformers has no bias of {projection}, which bias compensation adds"
                );
                Err(Error::Inexpressible { format: self.format(), why, remedies })
            }
        }
    }

    fn begin<'c>(
        &self,
        plan: ExportPlan<'c, '_>,
        out: &OutputDir,
    ) -> Result<Box<dyn FormatWriter + 'c>, Error> {
        let ExportPlan { checkpoint, pruned, form } = plan;
        let written = self.written(checkpoint, pruned);
        let announced = announced(checkpoint, &written, form.export_dtype)?;
        Ok(Box::new(DirectoryWriter {
            checkpoint,
            class: self.class(checkpoint, &written),
            written,
            format: self.format(),
            shapes: self.shapes(),
            dtype: form.export_dtype,
            shards: ShardWriter::new(out, announced, form.shard_size)?,
        }))
    }

    fn reopen(&self, output: &Path, _: &WrittenForm) -> Result<Box<dyn BlockByBlock>, Error> {
        Ok(Box::new(Checkpoint::open(Source::directory(output))?))
    }

    fn loading(&self, written: &WrittenForm) -> Loading {
        let sizes = match self {
            Self::NemotronNas => return nemotron::loading(),
            Self::Narrow => "The layers have the sizes after pruning.",
            Self::Padded => {
                "The layers have their original sizes, with zeros in place of the removed weights. The model therefore loads \
                 everywhere, but is neither smaller nor faster."
            }
        };
        let (trust, code) = match written.remote_code {
            true => (
                ", trust_remote_code=True",
                " Each layer has its own size, which no class of transformers supports. The modeling code is therefore part \
                 of this directory, and loading it requires `trust_remote_code=True`.",
            ),
            false => ("", ""),
        };
        Loading {
            library: "transformers",
            tag: None,
            note: format!("{sizes}{code}"),
            examples: vec![
                Example {
                    program: "transformers",
                    language: "python",
                    code: format!(
                        "from transformers import AutoModelForCausalLM, AutoTokenizer\n\n\
                         path = \".\"  # this directory\n\
                         model = AutoModelForCausalLM.from_pretrained(path{trust})\n\
                         tokenizer = AutoTokenizer.from_pretrained(path{trust})\n\
                         inputs = tokenizer(\"Once upon a time\", return_tensors=\"pt\")\n\
                         print(tokenizer.decode(model.generate(**inputs, max_new_tokens=40)[0]))\n"
                    ),
                },
                Example {
                    program: "slimgpt",
                    language: "sh",
                    code: "slimgpt eval . --text your-text.txt\nslimgpt generate . --prompt \"Once upon a time\"\n"
                        .into(),
                },
            ],
        }
    }
}

struct DirectoryWriter<'c> {
    checkpoint: &'c Checkpoint,
    /// The written architecture.
    written: Architecture,
    class: ModelClass,
    format: Format,
    shapes: Shapes,
    dtype: Option<Precision>,
    shards: ShardWriter,
}

impl FormatWriter for DirectoryWriter<'_> {
    fn shapes(&self) -> Shapes {
        self.shapes
    }

    fn add(&mut self, out: &OutputDir, tensors: &[StoredTensor]) -> Result<(), Error> {
        let stored = stored_tensors(&self.written, tensors);
        stored.iter().try_for_each(|tensor| self.shards.add(out, tensor))
    }

    /// Writes the index, `config.json`, the modeling code if no class of transformers has the sizes, and the
    /// checkpoint's tokenizer, generation settings, chat template and licence.
    fn finish(self: Box<Self>, out: &OutputDir) -> Result<(WrittenForm, Vec<String>), Error> {
        let Self { checkpoint, written, class, format, dtype, shards, .. } = *self;
        shards.finish(out)?;
        let config = config::config_json(checkpoint.config(), &written, class, dtype);
        out.write("config.json", format!("{config:#}\n").as_bytes())?;
        let code = match class {
            ModelClass::Unchanged | ModelClass::Stock(_) => None,
            ModelClass::PerLayer => Some((MODELING_NAME, MODELING)),
            ModelClass::NemotronNas => Some((nemotron::CONFIGURATION_NAME, nemotron::CONFIGURATION)),
        };
        if let Some((name, code)) = code {
            out.write(name, code.as_bytes())?;
        }
        let remote_code = code.is_some();
        companions::copy_files(checkpoint, companions::is_companion, out)?;
        let (weights, tolerance) = weights(checkpoint, dtype)?;
        let loaded_as = class.name(written.family);
        Ok((WrittenForm { format, file: None, loaded_as, remote_code, weights, tolerance }, Vec::new()))
    }
}

/// The stored type of the weights, and the tolerance of the verification.
fn weights(checkpoint: &Checkpoint, dtype: Option<Precision>) -> Result<(String, f64), Error> {
    Ok(match dtype {
        None => (checkpoint.storage_dtype("model.embed_tokens.weight")?.as_str().into(), SAME_NUMBERS),
        Some(Precision::F32) => ("f32".into(), SAME_NUMBERS),
        Some(Precision::F16) => ("f16".into(), 0.1),
        Some(Precision::BF16) => ("bf16".into(), 0.5),
    })
}

/// The tensors in the order in which they are added: tensors of the blocks, then the embedding, the final
/// norm and the head.
fn announced(
    checkpoint: &Checkpoint,
    architecture: &Architecture,
    dtype: Option<Precision>,
) -> Result<Vec<Announced>, Error> {
    let mut slots = architecture.tensors();
    // The architecture lists the tensors outside the blocks first.
    slots.rotate_left(end_tensors(checkpoint).len());
    let announce = |Slot { name, shape, .. }: Slot| {
        let dtype: DType = match dtype {
            Some(precision) => stored::dtype_of(precision),
            None if name.ends_with(".bias") => checkpoint.bias_dtype(&name)?,
            None => checkpoint.storage_dtype(&name)?,
        };
        Ok(Announced { name, dtype, shape })
    };
    let announced = slots.into_iter().map(announce).collect::<Result<Vec<_>, Error>>()?;
    Ok(join_fused(
        architecture,
        announced,
        |part| &part.name,
        |name, parts| {
            let rows = parts.iter().map(|part| part.shape[0]).sum();
            Announced { name, dtype: parts[0].dtype, shape: vec![rows, parts[0].shape[1]] }
        },
    ))
}
