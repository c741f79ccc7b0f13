//! softmax(scale · q kᵀ) v under the causal mask, a few query rows at a time. Memory grows linearly with the length.

use candle_core::{DType, Device, Tensor};

use super::{
    Result,
    attention_mask::Scoring,
    processor::{self, Heads, Strided, Values},
};

/// Number of query rows that a device processes together.
const MOST_QUERY_ROWS: usize = 256;
/// Number of attention scores in the memory of a device.
const MOST_SCORES: usize = 1 << 24;

/// q: [batch, heads, t, head_dim], whose first query is at position `offset`; k, v: [batch, kv_heads, keys, head_dim] with
/// keys = offset + t → [batch, t, heads·head_dim], in the number type of q. Queries and keys may have any layout.
pub fn attend(q: &Tensor, k: &Tensor, v: &Tensor, offset: usize, scoring: Scoring) -> Result<Tensor> {
    let dtype = q.dtype();
    let (q, k, v) = (q.to_dtype(DType::F32)?, k.to_dtype(DType::F32)?, v.to_dtype(DType::F32)?);
    let context = match q.device() {
        Device::Cpu => on_processor(&q, &k, &v, offset, scoring)?,
        Device::Cuda(_) | Device::Metal(_) => on_device(&q, &k, &v, offset, scoring)?,
    };
    Ok(context.to_dtype(dtype)?)
}

/// Tasks for a few query rows of one head each; keys and values are read in place.
fn on_processor(q: &Tensor, k: &Tensor, v: &Tensor, offset: usize, scoring: Scoring) -> Result<Tensor> {
    let (batch, heads, t, head_dim) = q.dims4()?;
    let sizes = Heads { heads, kv_heads: k.dim(1)?, head_dim };
    let dense = |x: &Tensor| if x.stride()[3] == 1 { Ok(x.clone()) } else { x.contiguous() };
    let inputs = [dense(q)?, dense(k)?, dense(v)?];
    let [q, k, v] = &inputs;
    let inputs = [Values::whole(q)?, Values::whole(k)?, Values::whole(v)?];
    let strided = inputs.each_ref().map(|(values, layout)| {
        let stride = layout.stride();
        let values = &values[layout.start_offset()..];
        Strided { values, window: stride[0], head: stride[1], token: stride[2] }
    });
    let mut out = vec![0.0; batch * t * heads * head_dim];
    for (window, out) in out.chunks_exact_mut(t * heads * head_dim).enumerate() {
        processor::attend(strided, sizes, scoring, (window, 0, offset), out);
    }
    Ok(Tensor::from_vec(out, (batch, t, heads * head_dim), q.device())?)
}

/// The same computation with whole-tensor operations, which every device supports.
fn on_device(q: &Tensor, k: &Tensor, v: &Tensor, offset: usize, scoring: Scoring) -> Result<Tensor> {
    let Scoring { scale, cap, mask } = scoring;
    let (batch, heads, t, head_dim) = q.dims4()?;
    let kv_heads = k.dim(1)?;
    let q = (q * f64::from(scale))?;
    let rows = (MOST_SCORES / (batch * heads * (offset + t)).max(1)).clamp(16, MOST_QUERY_ROWS);
    let mut contexts = Vec::with_capacity(t.div_ceil(rows));
    for start in (0..t).step_by(rows) {
        let rows = rows.min(t - start);
        let (first_query, first_key) = (offset + start, mask.first_visible(offset + start));
        let visible = first_query + rows - first_key;
        let q = q.narrow(2, start, rows)?.reshape((batch, kv_heads, (), head_dim))?;
        let k = k.narrow(2, first_key, visible)?.contiguous()?;
        let v = v.narrow(2, first_key, visible)?.contiguous()?;

        let scores = q.matmul(&k.t()?)?.reshape((batch, heads, rows, visible))?;
        let scores = match cap {
            Some(cap) => ((scores / f64::from(cap))?.tanh()? * f64::from(cap))?,
            None => scores,
        };
        let scores = if rows == 1 {
            scores
        } else {
            scores.broadcast_add(&mask.matrix(first_query, rows, first_key, scores.device())?)?
        };
        let weights = candle_nn::ops::softmax_last_dim(&scores)?;
        let context = weights.reshape((batch, kv_heads, (), visible))?.matmul(&v)?;
        contexts.push(context.reshape((batch, heads, rows, head_dim))?.transpose(1, 2)?);
    }
    Ok(Tensor::cat(&contexts, 1)?.reshape((batch, t, heads * head_dim))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::attention_mask::AttentionMask;

    /// Batch, heads, key-value heads, offset, tokens, head_dim, window.
    type Case = (usize, usize, usize, usize, usize, usize, Option<usize>);

    const CASES: [Case; 7] = [
        (2, 4, 4, 0, 300, 16, None),
        (3, 6, 2, 0, 131, 8, None),
        (1, 8, 1, 0, 260, 4, Some(50)),
        (1, 4, 2, 37, 150, 8, Some(33)),
        (1, 4, 2, 40, 1, 8, None),
        (1, 4, 4, 40, 1, 8, Some(9)),
        (2, 2, 1, 0, 1, 2, None),
    ];

    fn scoring(q: &Tensor, window: Option<usize>) -> Scoring {
        let scale = (q.dims()[3] as f32).powf(-0.5);
        Scoring { scale, cap: None, mask: AttentionMask { window } }
    }

    fn random(seed: u64, shape: &[usize]) -> Tensor {
        let mut state = seed;
        let mut number = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 40) as f32 / (1 << 23) as f32 - 1.0) * 2.0
        };
        let values = (0..shape.iter().product()).map(|_| number()).collect();
        Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
    }

    /// q, k, v in the layout of projections: heads are a view of [batch, t, heads, head_dim].
    fn inputs((batch, heads, kv_heads, offset, t, head_dim, _): Case) -> [Tensor; 3] {
        let made = |seed, t, heads| random(seed, &[batch, t, heads, head_dim]).transpose(1, 2).unwrap();
        [made(1, t, heads), made(2, offset + t, kv_heads), made(3, offset + t, kv_heads)]
    }

    /// The formula, element by element in f64.
    fn slow([q, k, v]: &[Tensor; 3], offset: usize, window: Option<usize>) -> Vec<f64> {
        let (batch, heads, t, head_dim) = q.dims4().unwrap();
        let group = heads / k.dim(1).unwrap();
        let at = |x: &Tensor| -> Vec<Vec<Vec<Vec<f32>>>> {
            (0..batch).map(|b| x.get(b).unwrap().to_vec3().unwrap()).collect()
        };
        let (q, k, v) = (at(q), at(k), at(v));
        let mut out = Vec::new();
        for b in 0..batch {
            for row in 0..t {
                for h in 0..heads {
                    let position = offset + row;
                    let first = window.map_or(0, |window| (position + 1).saturating_sub(window));
                    let dot = |key: usize| {
                        let k = &k[b][h / group][key];
                        q[b][h][row].iter().zip(k).map(|(q, k)| f64::from(*q) * f64::from(*k)).sum::<f64>()
                    };
                    let weight = |key| (dot(key) / (head_dim as f64).sqrt()).exp();
                    let sum: f64 = (first..=position).map(weight).sum();
                    for d in 0..head_dim {
                        let v = |key: usize| f64::from(v[b][h / group][key][d]);
                        out.push((first..=position).map(|key| weight(key) / sum * v(key)).sum());
                    }
                }
            }
        }
        out
    }

    #[test]
    fn attention_matches_its_formula_for_any_heads_windows_and_caches() {
        for case in CASES {
            let (.., offset, _, _, window) = case;
            let inputs = inputs(case);
            let expected = slow(&inputs, offset, window);
            let [q, k, v] = &inputs;
            for attend in [on_processor, on_device] {
                let found = attend(q, k, v, offset, scoring(q, window)).unwrap();
                let found: Vec<f32> = found.flatten_all().unwrap().to_vec1().unwrap();
                assert_eq!(found.len(), expected.len());
                let far = found.iter().zip(&expected).map(|(&a, &b)| (f64::from(a) - b).abs());
                assert!(far.fold(0.0, f64::max) < 1e-5, "{case:?}");
            }
        }
    }

    /// `cargo test --release --lib attend -- --ignored --nocapture` prints the ratio.
    #[test]
    #[ignore = "it measures times, which takes long"]
    fn two_products_per_chunk_are_faster_than_candles_flash_attention() {
        use candle_nn::attention::{AttnMask, flash_attn};

        let (heads, head_dim) = (32, 128);
        for (batch, t) in [(8, 256), (2, 1024), (1, 2048)] {
            let [q, k, v] = inputs((batch, heads, heads, 0, t, head_dim, None));
            let own = || attend(&q, &k, &v, 0, scoring(&q, None)).unwrap();
            let laid = |x: &Tensor| x.transpose(1, 2).unwrap().contiguous().unwrap();
            let (q_laid, k_laid, v_laid) = (laid(&q), laid(&k), laid(&v));
            let scale = (head_dim as f32).powf(-0.5);
            let flash = || {
                let mask = AttnMask::Causal { kv_offset: 0 };
                flash_attn::<f32>(&q_laid, &k_laid, &v_laid, scale, mask, None, None).unwrap()
            };
            let best = |attend: &dyn Fn() -> Tensor| {
                let seconds = (0..5).map(|_| {
                    let began = std::time::Instant::now();
                    drop(attend());
                    began.elapsed().as_secs_f64()
                });
                seconds.fold(f64::INFINITY, f64::min)
            };
            let (own, flash) = (best(&own), best(&flash));
            println!(
                "{batch} windows of {t} tokens: {own:.3} s, candle's {flash:.3} s, {:.1} times",
                flash / own
            );
            assert!(own < flash);
        }
    }

    #[test]
    fn a_window_alone_has_the_same_bits_as_in_a_batch() {
        let case = (3, 6, 2, 0, 200, 8, None);
        let [q, k, v] = inputs(case);
        let mask = scoring(&q, None);
        let together = attend(&q, &k, &v, 0, mask).unwrap();
        for window in 0..3 {
            let one = |x: &Tensor| x.narrow(0, window, 1).unwrap();
            let alone = attend(&one(&q), &one(&k), &one(&v), 0, mask).unwrap();
            let bits = |x: Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            assert_eq!(bits(alone), bits(one(&together)));
        }
    }
}
