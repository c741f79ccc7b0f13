//! The random checkpoints for benches and measurements are valid, and their activations have a stable size.

use std::{fs, path::Path};

use crate::checkpoint::{self, Shape};
use candle_core::{DType, Device};
use slimgpt::{
    config::ByteSize,
    model::{Checkpoint, Precision, Source},
};

fn written(shape: &Shape, dir: &Path, name: &str) -> Checkpoint {
    checkpoint::write(shape, &dir.join(name)).unwrap();
    Checkpoint::open(Source::directory(dir.join(name))).unwrap()
}

#[test]
fn activations_have_a_stable_size_and_every_text_has_tokens() {
    let dir = tempfile::tempdir().unwrap();
    for dtype in [Precision::F32, Precision::F16, Precision::BF16] {
        let shape = Shape { kv_heads: Some(2), dtype, ..Shape::small(4) };
        let model = written(&shape, dir.path(), &format!("{dtype:?}"));
        let tokens = model.tokenizer().unwrap().encode("Ünïcödé, 日本語\n\n🙂", false).unwrap();
        assert!(tokens.len() > 16 && tokens.get_ids().iter().all(|&id| (id as usize) < shape.vocab));
        let decoder = model.decoder(64, &Device::Cpu, DType::F32).unwrap();
        let logits = decoder.logits(&[tokens.get_ids()]).unwrap().flatten_all().unwrap();
        let logits = logits.to_vec1::<f32>().unwrap();
        let size = (logits.iter().map(|x| x * x).sum::<f32>() / logits.len() as f32).sqrt();
        assert!((0.5..2.0).contains(&size), "{dtype:?}: {size}");
    }
}

#[test]
fn equal_seeds_give_equal_bytes_and_shards_contain_the_same_tensors() {
    let dir = tempfile::tempdir().unwrap();
    let shape = Shape::small(1);
    let [one, again] = ["one", "again"].map(|name| {
        written(&shape, dir.path(), name);
        fs::read(dir.path().join(name).join("model.safetensors")).unwrap()
    });
    assert!(one == again);
    let other = written(&Shape { seed: 1, ..shape.clone() }, dir.path(), "other");
    let sharded = written(&Shape { shard: ByteSize(1 << 20), ..shape.clone() }, dir.path(), "sharded");
    assert!(dir.path().join("sharded/model.safetensors.index.json").exists());
    let whole = Checkpoint::open(Source::directory(dir.path().join("one"))).unwrap();
    for name in whole.weights().names() {
        let bytes = |model: &Checkpoint| model.weights().raw(name).unwrap().data.to_vec();
        assert!(bytes(&whole) == bytes(&sharded), "{name}");
        assert_eq!(bytes(&whole) == bytes(&other), name.contains("norm"), "{name}");
    }
}

#[test]
fn reports_that_cannot_be_written_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |shape: Shape| checkpoint::write(&shape, &dir.path().join("x")).unwrap_err().to_string();
    assert!(refused(Shape { heads: 5, ..Shape::small(1) }).starts_with("--heads 5: "));
    assert!(refused(Shape { vocab: 255, ..Shape::small(1) }).starts_with("--vocab 255: "));
    assert!(refused(Shape { kv_heads: Some(3), ..Shape::small(1) }).contains("num_key_value_heads"));
    assert!(!dir.path().join("x").exists());
    fs::create_dir(dir.path().join("x")).unwrap();
    assert!(refused(Shape::small(1)).contains("choose a directory that does not exist"));
}
