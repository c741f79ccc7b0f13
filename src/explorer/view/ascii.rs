//! Replaces Unicode symbols with ASCII symbols of the same width after drawing.

use ratatui::buffer::Buffer;

/// Replaces the remaining Unicode symbols of the buffer. Letters of other scripts, such as in model names,
/// are kept.
pub(super) fn replace(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        let mut characters = cell.symbol().chars();
        if let (Some(c), None) = (characters.next(), characters.next())
            && !c.is_ascii()
            && let Some(ascii) = stand_in(c)
        {
            cell.set_char(ascii);
        }
    }
}

fn stand_in(c: char) -> Option<char> {
    Some(match c {
        '\u{a0}' => ' ',
        '─' | '━' | '╸' | '╺' | '┄' | '╌' | '−' | '–' | '—' | '·' => '-',
        '│' | '┃' | '┆' | '╎' | '╏' | '‖' => '|',
        '╭' | '╮' | '╰' | '╯' | '┌' | '┐' | '└' | '┘' | '├' | '┤' | '┬' | '┴' | '┼' => {
            '+'
        }
        '●' | '•' | '✓' | '◆' => '*',
        '◐' | '▸' | '▶' | '→' | '›' | '≻' => '>',
        '←' | '‹' | '◂' => '<',
        '○' | '∘' => '.',
        '◌' | '…' | '≈' | '∼' | '±' => '~',
        '✗' | '×' | '⊠' => 'x',
        '↑' | '▲' | '⇧' => '^',
        '↓' | '▼' => 'v',
        '░' => '.',
        '▒' => ':',
        '▓' => '*',
        '█' | '▉' | '▊' | '▇' | '▆' => '#',
        '▋' | '▌' | '▍' => '=',
        '▎' | '▏' => '|',
        '▅' | '▄' | '▀' => ':',
        '▃' => '.',
        '▂' | '▁' => '_',
        '√' => 'v',
        'Σ' => 'S',
        'Δ' => 'd',
        'λ' => 'l',
        'γ' => 'g',
        '§' => 'S',
        '∝' => '~',
        '¹' => '1',
        '²' => '2',
        '³' => '3',
        '⁶' => '6',
        'ᵀ' => 'T',
        '∩' => '&',
        '⌊' => '[',
        '⌋' => ']',
        '“' | '”' => '"',
        '‘' | '’' => '\'',
        '⁻' => '-',
        '\u{2800}' => ' ',
        '\u{2801}'..='\u{28ff}' => dots(c),
        _ => return None,
    })
}

/// The replacement of a cell of up to eight Braille dots, chosen by the number of dots.
fn dots(c: char) -> char {
    match (u32::from(c) & 0xff).count_ones() {
        0..=2 => '.',
        3..=5 => ':',
        _ => '#',
    }
}
