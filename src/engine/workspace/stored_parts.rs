//! Writes cuts to the part files of a session, and reads them.

use candle_core::DType;

use crate::{
    pipeline::{BlockCut, ChannelCut, HeadCut, Packed},
    protocol::{PartRecord, Statistics},
    prune::Part,
    session::{Bias, PartHead, PartPlace, Session, Weight},
};

use super::Error;

/// Numbers of the attempts whose files contain the parts: the attempt itself, or earlier ones from which
/// parts were copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartFiles {
    pub attention: usize,
    pub mlp: usize,
}

impl PartFiles {
    pub fn of(self, part: Part) -> usize {
        match part {
            Part::Attention => self.attention,
            Part::Mlp => self.mlp,
        }
    }
}

/// Writes the file of a part.
pub fn write_part(
    session: &Session,
    place: PartPlace,
    record: &PartRecord,
    statistics: Option<Statistics>,
    cut: &BlockCut,
) -> Result<(), Error> {
    let (query_heads, kv_heads, packed, bias) = match (place.part, cut.heads(), cut.channels()) {
        (Part::Attention, Some(heads), _) => {
            (heads.query_heads.clone(), heads.kv_heads.clone(), Some(&heads.o_proj), heads.bias.as_ref())
        }
        (Part::Mlp, _, Some(channels)) => {
            (Vec::new(), Vec::new(), Some(&channels.down_proj), channels.bias.as_ref())
        }
        (Part::Attention, None, _) | (Part::Mlp, _, None) => (Vec::new(), Vec::new(), None, None),
    };
    let weight = packed.map(|packed| Weight {
        dtype: spelled(packed.dtype).into(),
        shape: packed.shape,
        bytes: packed.bytes.clone(),
        bias: bias.map(|bias| Bias { dtype: spelled(bias.dtype).into(), bytes: bias.bytes.clone() }),
    });
    let head = PartHead { place, record: record.clone(), statistics, query_heads, kv_heads, weight: None };
    Ok(session.write_part(&head, weight.as_ref())?)
}

/// Reads the cut of a layer.
pub fn read_cut(session: &Session, layer: usize, files: PartFiles) -> Result<BlockCut, Error> {
    let place = |part| PartPlace { layer, attempt: files.of(part), part };
    let cut = read_part(session, BlockCut::new(layer), place(Part::Attention))?;
    read_part(session, cut, place(Part::Mlp))
}

/// Reads a part and adds it to a cut.
pub fn read_part(session: &Session, cut: BlockCut, place: PartPlace) -> Result<BlockCut, Error> {
    let head = session.read_part(place)?;
    let Some(weight) = session.read_weight(&head)? else { return Ok(cut) };
    let PartHead { record, query_heads, kv_heads, .. } = head;
    let Weight { dtype, shape, bytes, bias } = weight;
    let bias =
        bias.map(|Bias { dtype, bytes }| Packed { dtype: number_type(&dtype), shape: [1, shape[0]], bytes });
    let packed = Packed { dtype: number_type(&dtype), shape, bytes };
    Ok(match place.part {
        Part::Attention => cut.with_heads(HeadCut { query_heads, kv_heads, o_proj: packed, bias }),
        Part::Mlp => cut.with_channels(ChannelCut { kept: record.kept, down_proj: packed, bias }),
    })
}

/// The number type as spelled in safetensors.
pub fn spelled(dtype: DType) -> &'static str {
    match dtype {
        DType::F16 => "F16",
        DType::BF16 => "BF16",
        // Checkpoints and streams have no other types.
        _ => "F32",
    }
}

/// The inverse of [`spelled`]. Files are checked first, so no other name occurs.
pub fn number_type(name: &str) -> DType {
    match name {
        "F16" => DType::F16,
        "BF16" => DType::BF16,
        _ => DType::F32,
    }
}
