//! Damage to an intact input: flipped bits, cuts, swapped and repeated sections, and numbers at their limits.

use rand::{Rng, RngExt};

/// Replacements for a number in a text.
const NUMBERS: [&str; 12] = [
    "0",
    "-1",
    "1e999",
    "-1e-400",
    "18446744073709551615",
    "18446744073709551616",
    "9007199254740993",
    "0.1",
    "null",
    "4294967296",
    "16777216",
    "\"7\"",
];
/// Replacements for four or eight bytes.
const WORDS: [u64; 9] =
    [0, 1, 0x7f, 0xff, 0x7fff_ffff, 0xffff_ffff, 0x1_0000_0000, 0x7fff_ffff_ffff_ffff, 0xffff_ffff_ffff_ffff];

/// One of the inputs, damaged in one to four places.
pub fn damaged(whole: &[Vec<u8>], random: &mut impl Rng) -> Vec<u8> {
    let mut bytes = whole[random.random_range(0..whole.len())].clone();
    for _ in 0..random.random_range(1..=4) {
        let other = &whole[random.random_range(0..whole.len())];
        damage(&mut bytes, other, random);
    }
    bytes
}

/// A random place. Small headers are chosen as often as the data after them.
fn place(length: usize, random: &mut impl Rng) -> usize {
    let most = if random.random_bool(0.5) { length.min(2048) } else { length };
    random.random_range(0..most)
}

fn section(length: usize, random: &mut impl Rng) -> std::ops::Range<usize> {
    let start = place(length, random);
    let most = (length - start).min(256);
    start..start + random.random_range(0..=most)
}

fn damage(bytes: &mut Vec<u8>, other: &[u8], random: &mut impl Rng) {
    if bytes.is_empty() {
        return;
    }
    let length = bytes.len();
    match random.random_range(0..9) {
        0 | 1 => {
            for _ in 0..random.random_range(1..=8) {
                bytes[place(length, random)] ^= 1 << random.random_range(0..8);
            }
        }
        2 => bytes.truncate(place(length, random)),
        3 => drop(bytes.drain(section(length, random))),
        4 => {
            let taken = bytes[section(length, random)].to_vec();
            let at = place(length, random);
            bytes.splice(at..at, taken);
        }
        5 if !other.is_empty() => {
            let taken = other[section(other.len(), random)].to_vec();
            let range = section(length, random);
            bytes.splice(range, taken);
        }
        6 | 7 => replace_number(bytes, random),
        _ => {
            let word = WORDS[random.random_range(0..WORDS.len())].to_le_bytes();
            let width = if random.random_bool(0.5) { 4 } else { 8 };
            let at = place(length, random);
            let end = (at + width).min(length);
            bytes[at..end].copy_from_slice(&word[..end - at]);
        }
    }
}

/// Replaces the digits at a place, or the next digits after it.
fn replace_number(bytes: &mut Vec<u8>, random: &mut impl Rng) {
    let from = place(bytes.len(), random);
    let Some(start) = bytes[from..].iter().position(u8::is_ascii_digit).map(|at| from + at) else { return };
    let digits = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
    bytes.splice(start..start + digits, NUMBERS[random.random_range(0..NUMBERS.len())].bytes());
}
