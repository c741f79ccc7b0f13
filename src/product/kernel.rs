//! Products on one thread, with the widest vectors of the processor, or with those of AVX2 if asked for.

use std::sync::LazyLock;

use faer::linalg::matmul::{
    self as wide,
    triangular::{self, BlockStructure},
};
use faer::{Accum, MatMut, MatRef, Par};

use super::Number;

/// The variable that selects the kernels, and its only value.
const VARIABLE: &str = "SLIMGPT_KERNELS";
const NARROW: &str = "avx2";

/// The vectors of the products of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernels {
    Avx512,
    Avx2,
    /// Of another architecture, or an older processor.
    Portable,
}

static KERNELS: LazyLock<Kernels> = LazyLock::new(|| {
    let narrow = std::env::var_os(VARIABLE).is_some_and(|value| value == NARROW);
    match Kernels::widest() {
        Kernels::Avx512 if narrow => Kernels::Avx2,
        kernels => kernels,
    }
});

impl Kernels {
    /// The kernels of this process.
    pub fn in_use() -> Self {
        *KERNELS
    }

    /// Why the variable has no effect, if it is set and has none.
    pub fn refused() -> Option<String> {
        let value = std::env::var_os(VARIABLE).filter(|value| !value.is_empty())?;
        let in_use = Self::in_use();
        (value != NARROW || in_use != Self::Avx2).then(|| {
            let (value, in_use) = (value.display(), in_use.name());
            format!(
                "{VARIABLE}: expected {NARROW} on a processor that has it, found {value}; {in_use} is used."
            )
        })
    }

    #[cfg(target_arch = "x86_64")]
    fn widest() -> Self {
        if std::arch::is_x86_feature_detected!("avx512f") {
            Self::Avx512
        } else if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
            Self::Avx2
        } else {
            Self::Portable
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn widest() -> Self {
        Self::Portable
    }

    /// The name in `run.json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Avx512 => "avx512",
            Self::Avx2 => "avx2",
            Self::Portable => std::env::consts::ARCH,
        }
    }
}

/// The computed entries of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entries {
    All,
    /// On and below the diagonal.
    Lower,
}

/// out ← factor · a b, or out ← out + factor · a b.
pub fn multiply_tile<T: Number>(
    out: MatMut<'_, T>,
    add: Accum,
    a: MatRef<'_, T>,
    b: MatRef<'_, T>,
    factor: T,
) {
    product(out, Entries::All, add, a, b, factor);
}

/// [`multiply_tile`] for the entries on and below the diagonal; the others are left as they are.
pub fn multiply_corner<T: Number>(
    out: MatMut<'_, T>,
    add: Accum,
    a: MatRef<'_, T>,
    b: MatRef<'_, T>,
    factor: T,
) {
    product(out, Entries::Lower, add, a, b, factor);
}

fn product<T: Number>(
    out: MatMut<'_, T>,
    entries: Entries,
    add: Accum,
    a: MatRef<'_, T>,
    b: MatRef<'_, T>,
    factor: T,
) {
    #[cfg(target_arch = "x86_64")]
    if *KERNELS == Kernels::Avx2 {
        return avx2::product(out, entries, add, a, b, factor);
    }
    match entries {
        Entries::All => wide::matmul(out, add, a, b, factor, Par::Seq),
        Entries::Lower => {
            let (lower, whole) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
            triangular::matmul(out, lower, add, a, whole, b, whole, factor, Par::Seq);
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::ptr::null;

    use private_gemm_x86::{Accum as To, DstKind, IType, InstrSet, gemm};

    use super::{Accum, Entries, MatMut, MatRef, Number};

    pub fn product<T: Number>(
        out: MatMut<'_, T>,
        entries: Entries,
        add: Accum,
        a: MatRef<'_, T>,
        b: MatRef<'_, T>,
        factor: T,
    ) {
        assert_eq!((a.nrows(), a.ncols(), b.ncols()), (out.nrows(), b.nrows(), out.ncols()));
        let kind = match entries {
            Entries::All => DstKind::Full,
            Entries::Lower => DstKind::Lower,
        };
        let to = match add {
            Accum::Replace => To::Replace,
            Accum::Add => To::Add,
        };
        // SAFETY: the views are valid for their sizes and strides, which agree; `out` is not shared; the type is that of the
        // numbers; the caller has found AVX2 and FMA.
        #[allow(unsafe_code)]
        unsafe {
            gemm(
                T::TYPE,
                IType::U64,
                InstrSet::Avx256,
                out.nrows(),
                out.ncols(),
                a.ncols(),
                out.as_ptr_mut().cast(),
                out.row_stride(),
                out.col_stride(),
                null(),
                null(),
                kind,
                to,
                a.as_ptr().cast(),
                a.row_stride(),
                a.col_stride(),
                false,
                null(),
                0,
                b.as_ptr().cast(),
                b.row_stride(),
                b.col_stride(),
                false,
                (&raw const factor).cast(),
                1,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use faer::Mat;

    use super::*;

    fn near<T: Number + Into<f64>>(tolerance: f64, of: fn(f64) -> T) {
        for (rows, depth, columns) in [(1, 5, 1), (3, 700, 40), (100, 513, 100), (130, 20, 5)] {
            let number = |i: usize, j: usize| ((i * 31 + j * 17) % 23) as f64 / 23.0 - 0.4;
            let a = Mat::from_fn(rows, depth, |i, j| of(number(i, j)));
            let b = Mat::from_fn(depth, columns, |i, j| of(number(i, j + 3)));
            let before = |i: usize, j: usize| number(i + 1, j);
            let slow = |i: usize, j: usize| {
                (0..depth).map(|k| a[(i, k)].into() * b[(k, j)].into()).sum::<f64>() * 0.5
            };
            for (add, entries) in
                [(Accum::Replace, Entries::All), (Accum::Add, Entries::All), (Accum::Add, Entries::Lower)]
            {
                let entries = if rows == columns { entries } else { Entries::All };
                let mut out = Mat::from_fn(rows, columns, |i, j| of(before(i, j)));
                let mut wide = out.clone();
                match entries {
                    Entries::All => multiply_tile(wide.as_mut(), add, a.as_ref(), b.as_ref(), of(0.5)),
                    Entries::Lower => multiply_corner(wide.as_mut(), add, a.as_ref(), b.as_ref(), of(0.5)),
                }
                #[cfg(target_arch = "x86_64")]
                if Kernels::widest() != Kernels::Portable {
                    avx2::product(out.as_mut(), entries, add, a.as_ref(), b.as_ref(), of(0.5));
                } else {
                    out = wide.clone();
                }
                #[cfg(not(target_arch = "x86_64"))]
                out.copy_from(&wide);
                for (i, j) in (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j))) {
                    let added = if add == Accum::Add { before(i, j) } else { 0.0 };
                    let expected = match entries {
                        Entries::Lower if i < j => before(i, j),
                        Entries::All | Entries::Lower => added + slow(i, j),
                    };
                    for (found, kernels) in [(&out, "avx2"), (&wide, "widest")] {
                        let found: f64 = found[(i, j)].into();
                        assert!((found - expected).abs() < tolerance, "{kernels} {rows} {depth} {columns}");
                    }
                }
            }
        }
    }

    #[test]
    fn both_kernels_compute_products_in_both_types() {
        near::<f32>(1e-4, |x| x as f32);
        near::<f64>(1e-12, |x| x);
    }
}
