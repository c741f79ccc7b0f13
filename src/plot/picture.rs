//! A chart as an SVG or PNG file.

use plotters::backend::{BitMapBackend, SVGBackend};
use plotters_backend::DrawingBackend;

use super::{Chart, Look, Size, canvas::Canvas, draw, text_backend::TextBackend};

/// SVG units per point. Positions are whole units.
const FINE: u32 = 10;
/// PNG pixels per point.
const PIXELS: u32 = 2;
/// Samples per PNG pixel in each direction.
const SAMPLES: u32 = 3;

pub fn svg(chart: &Chart, look: Look, size: Size) -> String {
    let Size { width, height } = size;
    let mut text = String::new();
    let mut backend = SVGBackend::with_string(&mut text, (width * FINE, height * FINE));
    draw::chart(&mut Canvas::new(&mut backend, look, f64::from(FINE)), chart, size);
    backend.present().expect("writing to a string does not fail");
    drop(backend);
    // Line breaks between elements are meaningless, but within texts they would be spaces.
    let text = text.replace('\n', "");
    let outer = format!("width=\"{}\" height=\"{}\"", width * FINE, height * FINE);
    text.replacen(&outer, &format!("width=\"{width}\" height=\"{height}\""), 1) + "\n"
}

pub fn png(chart: &Chart, look: Look, size: Size) -> Vec<u8> {
    let (width, height) = (size.width * PIXELS, size.height * PIXELS);
    let fine = (width * SAMPLES, height * SAMPLES);
    let mut pixels = vec![0; fine.0 as usize * fine.1 as usize * 3];
    let mut backend = TextBackend(BitMapBackend::with_buffer(&mut pixels, fine));
    let scale = f64::from(PIXELS * SAMPLES);
    draw::chart(&mut Canvas::new(&mut backend, look, scale), chart, size);
    drop(backend);
    encode(width, height, &means(&pixels, fine.0 as usize, (width as usize, height as usize)))
}

/// Averages SAMPLES² samples per pixel, [height, width, 3]. A row of `fine` has `wide` samples.
fn means(fine: &[u8], wide: usize, (width, height): (usize, usize)) -> Vec<u8> {
    let samples = SAMPLES as usize;
    let mut pixels = Vec::with_capacity(width * height * 3);
    for at in 0..width * height * 3 {
        let (row, column, channel) = (at / 3 / width, at / 3 % width, at % 3);
        let first = (row * samples * wide + column * samples) * 3 + channel;
        let of_row = |row: usize| (0..samples).map(move |column| first + (row * wide + column) * 3);
        let sum: u32 = (0..samples).flat_map(of_row).map(|at| u32::from(fine[at])).sum();
        let count = SAMPLES * SAMPLES;
        pixels.push(((sum + count / 2) / count) as u8);
    }
    pixels
}

fn encode(width: u32, height: u32, pixels: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let dense = f64::from(PIXELS) * 96.0 / 0.0254;
    let per_metre = dense.round() as u32;
    let unit = png::Unit::Meter;
    encoder.set_pixel_dims(Some(png::PixelDimensions { xppu: per_metre, yppu: per_metre, unit }));
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(pixels)?;
        writer.finish()
    });
    written.expect("writing to memory does not fail, and the number of pixels matches");
    file
}
