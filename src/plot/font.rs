//! The embedded font: how wide a text is, and its glyphs as coverage, so that no font of the system is needed.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};

static FONT: LazyLock<FontRef<'static>> = LazyLock::new(|| {
    FontRef::try_from_slice(epaint_default_fonts::UBUNTU_LIGHT)
        .expect("the embedded font is one that can be read")
});

/// The size in the library's sense, from the lowest to the highest stroke, of a text `em` pixels large.
fn scale(em: f64) -> PxScale {
    let font = &*FONT;
    let per_em = font.height_unscaled() / font.units_per_em().unwrap_or(1000.0);
    PxScale::from((em as f32) * per_em)
}

/// Pixels from the first to the last of a text `em` pixels large.
pub fn width(text: &str, em: f64) -> f64 {
    glyphs(text, em).1
}

/// Calls `cover(x, y, share)` for each pixel that a text touches whose baseline begins at (x, y).
pub fn cover(text: &str, em: f64, (x, y): (f64, f64), mut cover: impl FnMut(i32, i32, f64)) {
    for (glyph, at) in glyphs(text, em).0 {
        let placed = glyph.with_scale_and_position(scale(em), point((x + at) as f32, y as f32));
        let Some(outline) = FONT.outline_glyph(placed) else { continue };
        let corner = outline.px_bounds().min;
        outline.draw(|dx, dy, share| {
            cover(corner.x as i32 + dx as i32, corner.y as i32 + dy as i32, f64::from(share));
        });
    }
}

/// Each glyph with its distance from the first, and the width of all.
fn glyphs(text: &str, em: f64) -> (Vec<(ab_glyph::GlyphId, f64)>, f64) {
    let font = FONT.as_scaled(scale(em));
    let (mut at, mut before, mut placed) = (0.0, None, Vec::new());
    for c in text.chars() {
        let glyph = font.glyph_id(c);
        at += before.map_or(0.0, |before| f64::from(font.kern(before, glyph)));
        placed.push((glyph, at));
        at += f64::from(font.h_advance(glyph));
        before = Some(glyph);
    }
    (placed, at)
}

/// True where the font has a glyph for each character.
#[cfg(test)]
pub fn has_all(text: &str) -> bool {
    text.chars().all(|c| FONT.glyph_id(c).0 != 0)
}
