//! Rotary positions: tables of cosines and sines.

use candle_core::{D, DType, Device, Tensor};

use super::{Architecture, Error, Result, RopeSettings, frequencies::frequencies_at};

/// The rotation of every position.
#[derive(Clone, Debug)]
pub struct Rope {
    table: Table,
    /// The length above which sequences use another table.
    long: Option<(usize, Table)>,
    /// The table of windowed layers, if it differs.
    windowed: Option<Table>,
}

/// cos, sin: [positions, rotated/2].
#[derive(Clone, Debug)]
struct Table {
    cos: Tensor,
    sin: Tensor,
}

impl Rope {
    /// Tables for positions 0 to `positions` − 1.
    ///
    /// # Errors
    /// If the device fails.
    pub fn new(
        settings: &RopeSettings,
        head_dim: usize,
        positions: usize,
        device: &Device,
        dtype: DType,
    ) -> Result<Self> {
        let table = |length: usize| {
            let frequencies = frequencies_at(settings, head_dim, length);
            Table::new(&frequencies, settings.attention_factor() as f32, positions, device, dtype)
        };
        let long = settings.changes_above().filter(|&length| length < positions);
        let long = long.map(|length| Ok::<_, Error>((length, table(length + 1)?))).transpose()?;
        Ok(Self { table: table(1)?, long, windowed: None })
    }

    /// The tables of all layers of a model.
    ///
    /// # Errors
    /// If the device fails.
    pub fn of(architecture: &Architecture, positions: usize, device: &Device, dtype: DType) -> Result<Self> {
        let Architecture { rope, windowed_rope, head_dim, .. } = architecture;
        let windowed =
            windowed_rope.as_ref().map(|rope| Self::new(rope, *head_dim, positions, device, dtype));
        let windowed = windowed.transpose()?.map(|rope| rope.table);
        Ok(Self { windowed, ..Self::new(rope, *head_dim, positions, device, dtype)? })
    }

    /// Tables for pairs that rotate by `frequencies[i]` radians per position.
    ///
    /// # Errors
    /// If the device fails.
    pub fn turning(frequencies: &[f32], positions: usize, device: &Device, dtype: DType) -> Result<Self> {
        Ok(Self {
            table: Table::new(frequencies, 1.0, positions, device, dtype)?,
            long: None,
            windowed: None,
        })
    }

    /// Number of positions in the tables.
    pub fn positions(&self) -> usize {
        self.table.cos.dims()[0]
    }

    /// The number type of the tables, and of the tensors they rotate.
    pub fn dtype(&self) -> DType {
        self.table.cos.dtype()
    }

    /// The length above which all positions of a sequence are rotated differently.
    pub fn changes_above(&self) -> Option<usize> {
        self.long.as_ref().map(|(length, _)| *length)
    }

    /// Rotates x: [batch, t, heads, head_dim], contiguous, whose first token is at position `offset`, in a layer with the sliding
    /// window or without.
    ///
    /// # Errors
    /// If the sequence exceeds the tables.
    pub fn turn(&self, x: &Tensor, offset: usize, windowed: bool) -> Result<Tensor> {
        let (_, t, _, head_dim) = x.dims4()?;
        let (cos, sin) = self.rotation(offset, t, windowed)?;
        let rotated = 2 * cos.dims()[1];
        if rotated == head_dim {
            return Ok(candle_nn::rotary_emb::rope_thd(x, &cos, &sin)?);
        }
        let first = x.narrow(D::Minus1, 0, rotated)?.contiguous()?;
        let rest = x.narrow(D::Minus1, rotated, head_dim - rotated)?;
        Ok(Tensor::cat(&[candle_nn::rotary_emb::rope_thd(&first, &cos, &sin)?, rest], D::Minus1)?)
    }

    /// Cosines and sines, [t, rotated/2] each, of `t` tokens from position `offset`, in a layer with the sliding window or without.
    ///
    /// # Errors
    /// If the sequence exceeds the tables.
    pub(super) fn rotation(&self, offset: usize, t: usize, windowed: bool) -> Result<(Tensor, Tensor)> {
        let length = offset + t;
        if length > self.positions() {
            return Err(Error::Positions { asked: length, have: self.positions() });
        }
        let table = match (&self.windowed, &self.long) {
            (Some(table), _) if windowed => table,
            (_, Some((limit, table))) if length > *limit => table,
            (_, Some(_) | None) => &self.table,
        };
        Ok((table.cos.narrow(0, offset, t)?, table.sin.narrow(0, offset, t)?))
    }
}

impl Table {
    /// Cosines and sines times `factor`.
    fn new(
        frequencies: &[f32],
        factor: f32,
        positions: usize,
        device: &Device,
        dtype: DType,
    ) -> Result<Self> {
        // In f32, as in training: models rely on its rounding at high positions.
        let angles: Vec<f32> = (0..positions)
            .flat_map(|position| frequencies.iter().map(move |frequency| position as f32 * frequency))
            .collect();
        let table = |turn: fn(f32) -> f32| -> Result<Tensor> {
            let values = angles.iter().map(|&angle| turn(angle) * factor).collect();
            Ok(Tensor::from_vec(values, (positions, frequencies.len()), device)?.to_dtype(dtype)?)
        };
        Ok(Self { cos: table(f32::cos)?, sin: table(f32::sin)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RopeScaling;

    #[test]
    fn a_sequence_beyond_the_tables_is_an_error() {
        let settings = RopeSettings::new(5e5, RopeScaling::None);
        let rope = Rope::new(&settings, 4, 8, &Device::Cpu, DType::F32).unwrap();
        let x = Tensor::zeros((1, 5, 1, 4), DType::F32, &Device::Cpu).unwrap();
        assert!(rope.turn(&x, 3, false).is_ok());
        assert!(matches!(rope.turn(&x, 4, false), Err(Error::Positions { asked: 9, have: 8 })));
    }

    #[test]
    fn elements_after_the_rotated_part_are_kept() {
        let settings = RopeSettings { partial: 0.5, ..RopeSettings::new(1e4, RopeScaling::None) };
        let rope = Rope::new(&settings, 8, 3, &Device::Cpu, DType::F32).unwrap();
        let x = Tensor::arange(0f32, 24.0, &Device::Cpu).unwrap().reshape((1, 3, 1, 8)).unwrap();
        let turned = rope.turn(&x, 0, false).unwrap();
        let values =
            |x: &Tensor, from| x.narrow(3, from, 4).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(values(&turned, 4), values(&x, 4));
        assert_ne!(values(&turned, 0), values(&x, 0));
    }
}
