//! The filter of the table of layers: words that must all hold.
//!
//! A word is a comparison of a column (`attn>0.1`), a range of layers (`10..20`, `10..`, `..20`), the number of a layer, or
//! a part of the name of a state (`stale`).

use super::Column;
use crate::explorer::State;

/// One word of a filter.
#[derive(Clone, Debug, PartialEq)]
enum Term {
    Compare {
        column: Column,
        relation: Relation,
        limit: f64,
    },
    /// From the first to the last layer, both included.
    Range(usize, usize),
    Layer(usize),
    State(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    Below,
    AtMost,
    Above,
    AtLeast,
    Equal,
}

/// The longer signs come first, because the shorter ones are their prefixes.
const RELATIONS: [(&str, Relation); 5] = [
    ("<=", Relation::AtMost),
    (">=", Relation::AtLeast),
    ("<", Relation::Below),
    (">", Relation::Above),
    ("=", Relation::Equal),
];

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter(Vec<Term>);

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// If a comparison has no column of the table before its sign, or no number behind it.
    pub fn parse(text: &str) -> Result<Self, String> {
        text.split_whitespace().map(term).collect::<Result<_, _>>().map(Self)
    }

    /// True if all words hold for a layer.
    pub fn holds(&self, state: &State, index: usize) -> bool {
        self.0.iter().all(|term| match term {
            Term::Compare { column, relation, limit } => {
                column.value(state, index).is_some_and(|value| relation.holds(value, *limit))
            }
            Term::Range(first, last) => (*first..=*last).contains(&index),
            Term::Layer(layer) => index == *layer,
            Term::State(name) => state.status(index).name().contains(name.as_str()),
        })
    }
}

impl Relation {
    fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::Below => value < limit,
            Self::AtMost => value <= limit,
            Self::Above => value > limit,
            Self::AtLeast => value >= limit,
            Self::Equal => value == limit,
        }
    }
}

fn term(word: &str) -> Result<Term, String> {
    let compared = RELATIONS.iter().find_map(|(sign, relation)| Some((word.split_once(sign)?, *relation)));
    if let Some(((name, limit), relation)) = compared {
        let names = || Column::ALL.map(Column::name).join(", ");
        let column = Column::named(&name.to_lowercase()).ok_or_else(|| {
            format!("\"{word}\": no column is called \"{name}\"; the columns are {}", names())
        })?;
        let limit = limit.parse().map_err(|_| format!("\"{word}\": \"{limit}\" is not a number"))?;
        return Ok(Term::Compare { column, relation, limit });
    }
    if let Some((first, last)) = word.split_once("..") {
        let end = |text: &str, missing| if text.is_empty() { Some(missing) } else { text.parse().ok() };
        if let (Some(first), Some(last)) = (end(first, 0), end(last, usize::MAX)) {
            return Ok(Term::Range(first, last));
        }
    }
    Ok(word.parse().map_or_else(|_| Term::State(word.to_lowercase()), Term::Layer))
}
