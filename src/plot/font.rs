//! The embedded font: text widths and glyph coverage, without system fonts.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};

static FONT: LazyLock<FontRef<'static>> = LazyLock::new(|| {
    FontRef::try_from_slice(epaint_default_fonts::UBUNTU_LIGHT).expect("the embedded font is valid")
});

/// The ab_glyph scale for a font size of `em` pixels; ab_glyph measures from descent to ascent.
fn scale(em: f64) -> PxScale {
    let font = &*FONT;
    let per_em = font.height_unscaled() / font.units_per_em().unwrap_or(1000.0);
    PxScale::from((em as f32) * per_em)
}

/// The width in pixels of a text with a font size of `em` pixels.
pub fn width(text: &str, em: f64) -> f64 {
    glyphs(text, em).1
}

/// Calls `cover(x, y, coverage)` for each pixel that a text with its baseline at (x, y) touches.
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

/// Each glyph with its horizontal offset, and the total width.
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

/// True if the font has a glyph for every character.
#[cfg(test)]
pub fn has_all(text: &str) -> bool {
    text.chars().all(|c| FONT.glyph_id(c).0 != 0)
}
