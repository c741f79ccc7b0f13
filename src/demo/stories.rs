//! Short stories from a seeded grammar: it draws a cast and a plot in which early facts matter later.

use rand::{Rng, RngExt, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;

use super::{
    plots::{ENDINGS, OPENINGS, PLOTS, SKIES},
    words::{
        ADJECTIVES, DISHES, FOODS, GAMES, HELPERS, JOYS, KINDS, LESSONS, NAMES, NUMBERS, PLACES, SORROWS,
        TEMPERS, THINGS, TIMES, WEATHER,
    },
};

/// `count` stories separated by blank lines. Equal seeds give equal texts, and story i does not depend on
/// `count`.
pub fn text(seed: u64, count: usize) -> String {
    (0..count as u64).map(|index| story(seed, index)).collect::<Vec<_>>().join("\n\n")
}

/// One story, without a final line break.
fn story(seed: u64, index: u64) -> String {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(index);
    let cast = Cast::draw(&mut rng);
    let plot = pick(&mut rng, &PLOTS);
    let beats = [&[OPENINGS, SKIES][..], plot, &[ENDINGS]].concat();
    let lines = beats.iter().map(|beat| cast.fill(pick::<&str>(&mut rng, beat)));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The cast of a story: the words for each placeholder of the plots.
struct Cast {
    words: Vec<(&'static str, String)>,
}

impl Cast {
    fn draw(rng: &mut impl Rng) -> Self {
        let [(hero, [he, him, his]), (friend, [fhe, fhim, _])] = two(rng, &NAMES);
        let [kind, fkind] = two(rng, &KINDS);
        let [adj, badj] = two(rng, &ADJECTIVES);
        let [noun, bnoun] = two(rng, &THINGS);
        let [temper, temper2] = two(rng, &TEMPERS);
        let places: Vec<&str> = PLACES.sample(rng, 3).copied().collect();
        let (_, foods) = pick(rng, &FOODS);
        // n = m + k, all above one, because the plots use the plural "coins".
        let n = rng.random_range(4..NUMBERS.len());
        let m = rng.random_range(2..n - 1);
        let himself = if he == "he" { "himself" } else { "herself" };
        let pot = pick(rng, &["a big", "an old", "a small", "an iron"]);
        let words = vec![
            ("hero", hero.into()),
            ("he", he.into()),
            ("He", capital(he)),
            ("him", him.into()),
            ("himself", himself.into()),
            ("his", his.into()),
            ("His", capital(his)),
            ("friend", friend.into()),
            ("fhe", fhe.into()),
            ("Fhe", capital(fhe)),
            ("fhim", fhim.into()),
            ("kind", kind.into()),
            ("fkind", fkind.into()),
            ("adj", adj.into()),
            ("noun", noun.into()),
            ("thing", format!("{adj} {noun}")),
            ("athing", with_article(&format!("{adj} {noun}"))),
            ("badj", badj.into()),
            ("bnoun", bnoun.into()),
            ("bthing", with_article(&format!("{badj} {bnoun}"))),
            ("athing2", pot.to_string()),
            ("temper", temper.into()),
            ("temper2", temper2.into()),
            ("place", places[0].into()),
            ("place2", places[1].into()),
            ("place2cap", capital(places[1])),
            ("place2together", format!("together to the place {}", places[1])),
            ("place3", places[2].into()),
            ("foods", foods.to_string()),
            ("n", NUMBERS[n].into()),
            ("m", NUMBERS[m].into()),
            ("k", NUMBERS[n - m].into()),
            ("dish", pick(rng, &DISHES).to_string()),
            ("weather", pick(rng, &WEATHER).to_string()),
            ("time", pick(rng, &TIMES).to_string()),
            ("joy", pick(rng, &JOYS).to_string()),
            ("sorrow", pick(rng, &SORROWS).to_string()),
            ("game", pick(rng, &GAMES).to_string()),
            ("helper", pick(rng, &HELPERS).to_string()),
            ("lesson", pick(rng, &LESSONS).to_string()),
            ("when", pick(rng, &["one day", "after dinner", "the next morning", "at noon"]).to_string()),
        ];
        Self { words }
    }

    /// A line with its placeholders filled in and its sentences capitalised.
    fn fill(&self, line: &str) -> String {
        let mut text = String::new();
        let mut rest = line;
        while let Some((before, after)) = rest.split_once('{') {
            text += before;
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            let word = self.words.iter().find(|(known, _)| *known == name).map_or(name, |(_, word)| word);
            if begins_sentence(&text) {
                text += &capital(word)
            } else {
                text += word
            }
            rest = after;
        }
        text + rest
    }
}

fn begins_sentence(before: &str) -> bool {
    let spoken = before.trim_end_matches('"').trim_end();
    spoken.is_empty()
        || (spoken.ends_with(['.', '!', '?']) && before.ends_with([' ', '"']))
        || (before.ends_with('"') && spoken.ends_with([',', ':']))
}

fn pick<'a, T>(rng: &mut impl Rng, choices: &'a [T]) -> &'a T {
    &choices[rng.random_range(0..choices.len())]
}

/// Two different choices.
fn two<T: Copy>(rng: &mut impl Rng, choices: &[T]) -> [T; 2] {
    let first = rng.random_range(0..choices.len());
    let second = (first + rng.random_range(1..choices.len())) % choices.len();
    [choices[first], choices[second]]
}

fn with_article(words: &str) -> String {
    let article = if words.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {words}")
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn equal_seeds_give_equal_texts_and_different_seeds_different_ones() {
        assert_eq!(text(1, 20), text(1, 20));
        assert!(text(1, 40).starts_with(&text(1, 20)));
        assert_ne!(text(1, 20), text(2, 20));
    }

    #[test]
    fn all_placeholders_are_filled_and_no_story_repeats() {
        let text = text(3, 3000);
        assert!(!text.contains(['{', '}']), "{text}");
        let stories: HashSet<&str> = text.split("\n\n").collect();
        assert_eq!(stories.len(), 3000);
    }

    #[test]
    fn every_placeholder_is_known() {
        let cast = Cast::draw(&mut ChaCha8Rng::seed_from_u64(0));
        let lines =
            PLOTS.iter().flat_map(|plot| plot.iter()).chain([&OPENINGS, &SKIES, &ENDINGS]).copied().flatten();
        for line in lines {
            for name in line.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name)
            {
                assert!(cast.words.iter().any(|(known, _)| *known == name), "{name} in {line}");
            }
        }
    }

    #[test]
    fn sentences_begin_with_capitals() {
        let text = text(4, 500);
        for sentence in text.split(". ") {
            let first = sentence.trim_start_matches('"').chars().next().unwrap();
            assert!(!first.is_lowercase(), "{sentence}");
        }
    }
}
