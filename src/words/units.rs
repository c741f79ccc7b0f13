//! Names of the units of attention, which may differ between layers.

use crate::{
    protocol::{PartSummary, RunRecord, SessionContent},
    prune::{AttentionUnit, AttentionUnitChoice},
};

/// The unit by which the attention of several layers or attempts is pruned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttentionUnits {
    /// All have this unit.
    Same(AttentionUnit),
    /// The units differ, or are unknown.
    Different,
}

impl AttentionUnits {
    /// The units of these records. A record of an earlier version does not name its unit; it is that of the setting.
    pub fn of(units: impl IntoIterator<Item = Option<AttentionUnit>>, setting: AttentionUnitChoice) -> Self {
        let set = match setting {
            AttentionUnitChoice::Auto => None,
            AttentionUnitChoice::KvGroup => Some(AttentionUnit::KvGroup),
            AttentionUnitChoice::QueryHead => Some(AttentionUnit::QueryHead),
        };
        let mut units = units.into_iter().map(|unit| unit.or(set));
        match units.next().unwrap_or(set) {
            Some(first) if units.all(|unit| unit == Some(first)) => Self::Same(first),
            Some(_) | None => Self::Different,
        }
    }

    /// The units of a run.
    pub fn of_run(run: &RunRecord) -> Self {
        Self::of(run.layers.iter().map(|layer| layer.attention.unit), run.settings.objective.attention_unit)
    }

    /// The units of the active attempts of a session.
    pub fn of_session(session: &SessionContent) -> Self {
        let active = session.layers.iter().filter_map(|layer| layer.active.as_ref());
        Self::of(active.map(|attempt| attempt.attention.unit), session.settings.objective.attention_unit)
    }

    /// Singular and plural.
    pub fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Same(unit) => attention_unit(unit),
            Self::Different => ("attention unit", "attention units"),
        }
    }

    /// The name after a count of this unit: empty if the heading of the table names it.
    pub fn suffix(self, unit: Option<AttentionUnit>) -> String {
        match (self, unit) {
            (Self::Different, Some(unit)) => format!(" {}", attention_unit(unit).1),
            (Self::Same(_), _) | (Self::Different, None) => String::new(),
        }
    }

    /// The number of kept units of an attention, out of all units: `3/4`, or `3/4 KV groups` if the units differ.
    pub fn kept(self, part: &PartSummary) -> String {
        super::kept(part) + &self.suffix(part.unit)
    }
}

/// The name of the unit by which attention is pruned: singular and plural.
pub fn attention_unit(unit: AttentionUnit) -> (&'static str, &'static str) {
    match unit {
        AttentionUnit::KvGroup => ("KV group", "KV groups"),
        AttentionUnit::QueryHead => ("query head", "query heads"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_names_the_unit_once_unless_the_units_differ() {
        let (groups, heads) = (Some(AttentionUnit::KvGroup), Some(AttentionUnit::QueryHead));
        let auto = AttentionUnitChoice::Auto;
        let part = PartSummary { units: 4, kept: 3, unit: groups, relative_error: 0.0 };
        let same = AttentionUnits::of([groups, groups], auto);
        assert_eq!((same.names().1, same.kept(&part)), ("KV groups", "3/4".into()));
        let mixed = AttentionUnits::of([groups, heads], auto);
        assert_eq!((mixed.names().1, mixed.kept(&part)), ("attention units", "3/4 KV groups".into()));
    }

    #[test]
    fn records_of_earlier_versions_have_the_unit_of_the_setting() {
        let of = |setting| AttentionUnits::of([None, None], setting);
        assert_eq!(of(AttentionUnitChoice::QueryHead), AttentionUnits::Same(AttentionUnit::QueryHead));
        assert_eq!(of(AttentionUnitChoice::Auto), AttentionUnits::Different);
    }
}
