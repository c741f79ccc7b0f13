//! The table of tensors of a GGUF file, under their names in a Hugging Face checkpoint.

use std::collections::BTreeMap;

use super::{
    super::{
        encoding::RowOrder,
        weights::{Entry, File, Table},
    },
    GgufFile, config,
};
use crate::gguf::{TensorInfo, names};

/// Every tensor of the file. A tensor that no supported architecture uses keeps its own name; the factors of rotary frequencies
/// are left out, because they are part of the configuration.
pub fn table(model: &GgufFile) -> Table {
    let pairs = config::head_dim_of_pairs(&model.keys());
    let mut tensors = BTreeMap::new();
    let mut files = Vec::new();
    for (file, shard) in model.shards().iter().enumerate() {
        files.push(File { label: shard.path.display().to_string(), bytes: shard.bytes.clone() });
        let read = shard.header.tensors.iter().filter(|tensor| !names::is_rope_factors(&tensor.name));
        tensors.extend(read.map(|tensor| entry(tensor, file, pairs)));
    }
    Table { files, tensors, ..Table::default() }
}

/// `pairs` is the size of a head if the rows of q and k are in the order of pairs.
fn entry(tensor: &TensorInfo, file: usize, pairs: Option<usize>) -> (String, Entry) {
    let name = names::in_checkpoint(&tensor.name).unwrap_or_else(|| tensor.name.clone());
    let order = match pairs {
        Some(head_dim) if names::is_rotated(&name) => RowOrder::Pairs { head_dim },
        Some(_) | None => RowOrder::Same,
    };
    let encoding = tensor.kind.clone().map(Into::into);
    (
        name,
        Entry { file, encoding, order, shape: tensor.shape.clone(), bytes: tensor.bytes.clone(), part: None },
    )
}

#[cfg(test)]
mod tests {
    use crate::{
        gguf::names::{in_checkpoint, in_file},
        model::Architecture,
    };

    #[test]
    fn every_tensor_of_every_family_has_a_unique_name() {
        for family in ["llama", "mistral", "qwen2", "qwen3"] {
            let config = serde_json::json!({
                "model_type": family, "hidden_size": 64, "num_attention_heads": 4, "num_key_value_heads": 2,
                "intermediate_size": 96, "num_hidden_layers": 2, "head_dim": 16, "vocab_size": 40, "rms_norm_eps": 1e-5,
                "max_position_embeddings": 64, "attention_bias": true, "mlp_bias": true,
            });
            let tensors = Architecture::from_config(&config).unwrap().tensors();
            let mut names: Vec<String> = tensors.iter().map(|slot| in_file(&slot.name).unwrap()).collect();
            for (slot, name) in tensors.iter().zip(&names) {
                assert_eq!(in_checkpoint(name).as_ref(), Some(&slot.name));
            }
            let found = names.len();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), found, "{family}");
        }
        assert_eq!(in_file("model.layers.11.self_attn.k_proj.bias").unwrap(), "blk.11.attn_k.bias");
        assert_eq!(in_file("model.layers.0.rotary_emb.inv_freq"), None);
    }
}
