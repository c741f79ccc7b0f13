//! The largest removable share of the parameters, and settings that remove nothing.

use crate::{
    config::{Settings, Span},
    model::Architecture,
    prune::{AttentionUnit, AttentionUnitChoice, LayerRatio, Part, Schedule},
};

use super::{
    Error, LayerPlan, Removals, parameters_of_parts, plan, plan::parameters_removed, plan_by_ratios,
    scheduled,
};

/// A ratio that rounds to the most units that may be removed, for any number of units.
pub(super) const HIGHEST: LayerRatio = LayerRatio::both(1.0 - 1e-12);

/// Why a part keeps all units in every layer although the settings prune it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeptWhole {
    /// No number of units can be removed: every layer has one unit.
    #[error("attention loses nothing: each layer has one KV group, which must remain")]
    OneGroup,
    /// Every ratio is 0.
    #[error("nothing is removed: every ratio is 0")]
    Zero,
    /// The ratios are below half a unit.
    #[error("{part} loses nothing: the ratios are too low to remove one unit")]
    Rounded {
        /// The part.
        part: Part,
    },
}

/// Parameters of a run's parts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Share {
    /// Parameters that the ratios remove before rounding.
    asked: f64,
    /// Parameters of all units.
    whole: f64,
    /// Parameters of the units that may be removed.
    most: f64,
}

/// Refuses settings that ask for more parameters than any counts remove, and settings that remove nothing although a
/// ratio is above 0. `ratios` replace the schedule. Returns the parts that keep everything.
///
/// # Errors
/// [`Error::BeyondReach`], [`Error::MultipleAboveWidth`] or [`Error::NothingRemoved`], and as for [`plan()`].
pub fn check_reach(
    architecture: &Architecture,
    settings: &Settings,
    ratios: Option<&[LayerRatio]>,
) -> Result<Vec<KeptWhole>, Error> {
    refuse_wide_multiple(architecture, settings)?;
    if ratios.is_none() && counts_parameters(settings) {
        let Span::Mean(share) = settings.span() else { return Ok(Vec::new()) };
        return match share > largest_share(architecture, settings)? {
            true => Err(beyond_reach(architecture, settings, share)),
            false => Ok(if share > 0.0 { Vec::new() } else { vec![KeptWhole::Zero] }),
        };
    }
    let (ratios, plan) = match ratios {
        Some(ratios) => (ratios.to_vec(), plan_by_ratios(architecture, ratios, settings)?),
        None => (scheduled(architecture.layers.len(), settings)?, plan(architecture, settings)?),
    };
    let share = share(architecture, settings, &ratios)?;
    if share.asked > share.most + 0.5 {
        return Err(too_much(settings, share.asked / share.whole, share.most / share.whole));
    }
    kept_whole(architecture, &ratios, &plan)
}

/// The largest share of parameters that the schedule can remove, by any mean, or by any counts if it is `auto`.
///
/// # Errors
/// If the settings name layers that the model does not have.
pub fn largest_share(architecture: &Architecture, settings: &Settings) -> Result<f64, Error> {
    let all = parameters_of_parts(architecture, settings)?;
    let most = match settings.ratios.schedule {
        Schedule::Auto => most_removed(architecture, settings)?,
        Schedule::Log
        | Schedule::Linear
        | Schedule::Uniform
        | Schedule::LogDecrease
        | Schedule::LinearDecrease
        | Schedule::Custom(_) => super::plan::most_at_any_mean(architecture, settings),
    };
    Ok(most as f64 / all.max(1) as f64)
}

/// Parameters of all units that may be removed, with the unit of attention that removes most where the search may choose.
fn most_removed(architecture: &Architecture, settings: &Settings) -> Result<u64, Error> {
    let units: &[Option<AttentionUnit>] = match settings.objective.attention_unit {
        AttentionUnitChoice::Auto => &[Some(AttentionUnit::KvGroup), Some(AttentionUnit::QueryHead)],
        AttentionUnitChoice::KvGroup | AttentionUnitChoice::QueryHead => &[None],
    };
    let mut most = 0;
    for &unit in units {
        let highest = vec![HIGHEST.in_units(unit); architecture.layers.len()];
        let plan = plan_by_ratios(architecture, &highest, settings)?;
        most = most.max(super::plan::parameters_removed(architecture, &plan));
    }
    Ok(most)
}

/// The error for a share of parameters that the schedule cannot remove.
pub fn beyond_reach(architecture: &Architecture, settings: &Settings, asked: f64) -> Error {
    match largest_share(architecture, settings) {
        Ok(largest) => too_much(settings, asked, largest),
        Err(error) => error,
    }
}

/// True if the mean ratio is a fraction of the parameters, not of the units.
fn counts_parameters(settings: &Settings) -> bool {
    match settings.ratios.schedule {
        Schedule::Auto => true,
        Schedule::Custom(_) => false,
        Schedule::Log
        | Schedule::Linear
        | Schedule::Uniform
        | Schedule::LogDecrease
        | Schedule::LinearDecrease => settings.ratios.by_parameters,
    }
}

fn too_much(settings: &Settings, asked: f64, largest: f64) -> Error {
    // Rounded down, so that the number in the message is accepted.
    let (asked, largest) = ((asked * 1e4).round() / 1e4, (largest * 1e4).floor() / 1e4);
    Error::BeyondReach { schedule: settings.ratios.schedule.to_string(), asked, largest }
}

fn refuse_wide_multiple(architecture: &Architecture, settings: &Settings) -> Result<(), Error> {
    let multiple = settings.ratios.channel_multiple;
    let chosen = settings.ratios.layers.resolve(architecture.layers.len()).map_err(Error::Layers)?;
    let widest = architecture.layers[chosen].iter().map(|size| size.channels).max().unwrap_or(0);
    if settings.prunes(Part::Mlp) && multiple > widest {
        return Err(Error::MultipleAboveWidth { multiple, widest });
    }
    Ok(())
}

fn share(architecture: &Architecture, settings: &Settings, ratios: &[LayerRatio]) -> Result<Share, Error> {
    let highest: Vec<LayerRatio> = ratios.iter().map(|ratio| HIGHEST.in_units(ratio.unit)).collect();
    let most = plan_by_ratios(architecture, &highest, settings)?;
    let mut share = Share::default();
    for (layer, (most, ratio)) in most.iter().zip(ratios).enumerate() {
        let alone = |attention, mlp| {
            let kept = LayerPlan { attention: None, mlp: None, ..most.clone() };
            let mut plans = vec![kept; architecture.layers.len()];
            plans[layer] = LayerPlan { attention, mlp, ..most.clone() };
            parameters_removed(architecture, &plans) as f64
        };
        let size = &architecture.layers[layer];
        let parts = [(Part::Attention, most.attention), (Part::Mlp, most.mlp)];
        for (part, removable) in parts.into_iter().filter_map(|(part, most)| Some((part, most?))) {
            let removed = match part {
                Part::Attention => alone(Some(removable), None),
                Part::Mlp => alone(None, Some(removable)),
            };
            let (units, _, _) = super::plan::units(part, size, architecture.head_dim, most.unit, settings);
            let whole = match removable.units {
                0 => super::plan::parameters_of_part(architecture, layer, part) as f64,
                removable => removed * units as f64 / removable as f64,
            };
            share.asked += ratio.of(part) * whole;
            share.whole += whole;
            share.most += removed;
        }
    }
    Ok(share)
}

/// The parts that a plan does not change although their ratios are above 0.
fn kept_whole(
    architecture: &Architecture,
    ratios: &[LayerRatio],
    plan: &[LayerPlan],
) -> Result<Vec<KeptWhole>, Error> {
    let mut kept = Vec::new();
    let mut removes = false;
    for part in [Part::Attention, Part::Mlp] {
        let of = |plan: &LayerPlan| match part {
            Part::Attention => plan.attention,
            Part::Mlp => plan.mlp,
        };
        let layers: Vec<(usize, Removals)> =
            plan.iter().enumerate().filter_map(|(layer, plan)| Some((layer, of(plan)?))).collect();
        let removed: usize = layers.iter().map(|(_, removals)| removals.units).sum();
        let asked = layers.iter().any(|(layer, _)| ratios[*layer].of(part) > 0.0);
        removes |= removed > 0;
        if asked && removed == 0 {
            let one = layers.iter().all(|&(layer, _)| match plan[layer].unit {
                AttentionUnit::KvGroup => architecture.layers[layer].kv_heads == 1,
                AttentionUnit::QueryHead => false,
            });
            kept.push(match part {
                Part::Attention if one => KeptWhole::OneGroup,
                Part::Attention | Part::Mlp => KeptWhole::Rounded { part },
            });
        }
    }
    match kept.first() {
        Some(&why) if !removes => Err(Error::NothingRemoved { why }),
        None if !removes => Ok(vec![KeptWhole::Zero]),
        Some(_) | None => Ok(kept),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn architecture(kv_heads: usize) -> Architecture {
        let config = json!({
            "model_type": "llama", "hidden_size": 64, "intermediate_size": 160, "num_hidden_layers": 3,
            "num_attention_heads": 8, "num_key_value_heads": kv_heads, "vocab_size": 512, "rms_norm_eps": 1e-5,
            "rope_theta": 10000.0, "max_position_embeddings": 512,
        });
        Architecture::from_config(&config).unwrap()
    }

    fn check(kv_heads: usize, settings: &str) -> Result<Vec<KeptWhole>, Error> {
        check_reach(&architecture(kv_heads), &settings.parse().unwrap(), None)
    }

    const SCHEDULES: [&str; 6] = [
        "schedule = \"auto\"",
        "schedule = \"uniform\"",
        "schedule = \"uniform\"\nby-parameters = true",
        "schedule = \"log\"\nby-parameters = true",
        "schedule = \"linear-decrease\"\nby-parameters = true",
        "schedule = \"uniform\"\nattention-unit = \"kv-group\"",
    ];

    #[test]
    fn the_largest_share_is_accepted_and_a_larger_one_refused_by_every_schedule() {
        for schedule in SCHEDULES {
            let error = check(4, &format!("{schedule}\nratio = 0.99")).unwrap_err();
            let Error::BeyondReach { largest, .. } = error else { panic!("{schedule}: {error}") };
            assert!((0.45..0.98).contains(&largest), "{schedule}: {largest}");
            check(4, &format!("{schedule}\nratio = {largest}")).unwrap();
            let above = check(4, &format!("{schedule}\nratio = {}", largest + 2e-4));
            assert!(matches!(above, Err(Error::BeyondReach { .. })), "{schedule}: {above:?}");
        }
    }

    #[test]
    fn the_largest_share_of_two_key_value_heads_is_a_half() {
        for schedule in ["auto", "uniform"] {
            let settings = |ratio: f64| {
                format!(
                    "schedule = \"{schedule}\"\nattention-unit = \"kv-group\"\nparts = [\"attention\"]\nratio = {ratio}"
                )
            };
            check(2, &settings(0.5)).unwrap();
            let error = check(2, &settings(0.6)).unwrap_err().to_string();
            assert!(error.contains("0.6 of the parameters") && error.contains("share is 0.5;"), "{error}");
        }
    }

    #[test]
    fn ratios_by_hand_are_checked_too() {
        let settings: Settings = "parts = [\"attention\"]\nattention-unit = \"kv-group\"".parse().unwrap();
        let ratios = |ratio: f64| vec![LayerRatio::both(ratio); 3];
        check_reach(&architecture(4), &settings, Some(&ratios(0.75))).unwrap();
        let error = check_reach(&architecture(4), &settings, Some(&ratios(0.9))).unwrap_err();
        assert!(matches!(error, Error::BeyondReach { largest: 0.75, .. }), "{error}");
    }

    #[test]
    fn settings_that_remove_nothing_are_refused_and_parts_that_lose_nothing_are_named() {
        let wide = check(4, "channel-multiple = 256").unwrap_err().to_string();
        assert!(wide.contains("at most 160") && wide.contains("256"), "{wide}");
        assert_eq!(check(4, "channel-multiple = 256\nparts = [\"attention\"]\nratio = 0.5").unwrap(), []);
        let low =
            check(4, "parts = [\"attention\"]\nratio = 0.1\nschedule = \"uniform\"\nby_parameters = false\nattention-unit = \"kv-group\"")
                .unwrap_err()
                .to_string();
        assert!(low.contains("attention loses nothing") && low.contains("too low"), "{low}");
        let one = check(
            1,
            "ratio = 0.3\nschedule = \"uniform\"\nby_parameters = false\nattention-unit = \"kv-group\"",
        )
        .unwrap();
        assert_eq!(one, [KeptWhole::OneGroup]);
        let rounded = check(
            4,
            "ratio = 0.1\nschedule = \"uniform\"\nby_parameters = false\nattention-unit = \"kv-group\"",
        )
        .unwrap();
        assert_eq!(rounded, [KeptWhole::Rounded { part: Part::Attention }]);
        assert_eq!(check(4, "ratio = 0").unwrap(), [KeptWhole::Zero]);
        assert_eq!(
            check(
                4,
                "ratio = 0.3\nschedule = \"uniform\"\nby_parameters = false\nattention-unit = \"kv-group\""
            )
            .unwrap(),
            []
        );
    }
}
