//! Rotary positions in every form in which transformers reads them.
//!
//! `rope_scaling` replaces `rope_parameters` completely. The keys `rope_theta` and `partial_rotary_factor` next to them
//! apply if the object in use lacks them; `original_max_position_embeddings` always applies.

use serde_json::{Map, Value};

use super::super::{
    Error, Family, Result, RopeScaling, RopeSettings, Warning,
    family::RopeForm,
    keys::{Keys, wrong},
};

const SUPPORTED: &str = "the supported types are default, linear, dynamic, llama3, yarn and longrope";

/// The object in use, with the keys next to it.
struct Form<'a> {
    key: &'static str,
    own: Keys<'a>,
    beside: &'a Keys<'a>,
    /// `rope_parameters`, if `rope_scaling` replaces it.
    replaced: Option<&'a Map<String, Value>>,
    rule: RopeForm,
    max_positions: usize,
}

/// The default base of windowed layers.
const LOCAL_THETA: f64 = 1e4;

/// The settings, and the settings of windowed layers if they differ.
pub fn read(
    keys: &Keys,
    family: Family,
    (head_dim, max_positions): (usize, usize),
    warnings: &mut Vec<Warning>,
) -> Result<(RopeSettings, Option<RopeSettings>)> {
    let none = Map::new();
    let traits = family.traits();
    let theta = traits.defaults.rope_theta;
    let rule = traits.rope;
    match rule {
        RopeForm::Whole | RopeForm::Partial => {
            let mut form = form(keys, &none, (rule, max_positions))?;
            Ok((settings(&mut form, ("rope_theta", theta), head_dim, warnings)?, None))
        }
        RopeForm::ByWindow => by_window(keys, (theta, LOCAL_THETA), (head_dim, max_positions), warnings),
    }
}

/// One object for windowed layers and one for the others. `rope_scaling` changes only the latter.
fn by_window(
    keys: &Keys,
    (theta, local_theta): (f64, f64),
    (head_dim, max_positions): (usize, usize),
    warnings: &mut Vec<Warning>,
) -> Result<(RopeSettings, Option<RopeSettings>)> {
    let of = |kind: &str| -> Result<Map<String, Value>> {
        match keys.get("rope_parameters").and_then(|parameters| parameters.get(kind)) {
            Some(Value::Object(own)) => Ok(own.clone()),
            None | Some(Value::Null) => Ok(Map::new()),
            Some(other) => Err(wrong(&format!("rope_parameters.{kind}"), "an object or null", other)),
        }
    };
    let (mut full, sliding) = (of("full_attention")?, of("sliding_attention")?);
    match keys.get("rope_scaling") {
        None => {}
        Some(Value::Object(scaling)) => full.extend(scaling.clone()),
        Some(other) => return Err(wrong("rope_scaling", "an object or null", other)),
    }
    let mut read = |own, theta: (&str, f64)| {
        let key = "rope_parameters";
        let own = Keys(own);
        let rule = RopeForm::ByWindow;
        settings(
            &mut Form { key, own, beside: keys, replaced: None, rule, max_positions },
            theta,
            head_dim,
            warnings,
        )
    };
    let full = read(&full, ("rope_theta", theta))?;
    let sliding = read(&sliding, ("rope_local_base_freq", local_theta))?;
    Ok((full, Some(sliding)))
}

fn settings(
    form: &mut Form,
    (theta_key, default): (&str, f64),
    head_dim: usize,
    warnings: &mut Vec<Warning>,
) -> Result<RopeSettings> {
    let keys = form.beside;
    let theta = form.own.positive_or("rope_theta", keys.positive_or(theta_key, default)?)?;
    if let Some(replaced) = form.replaced.filter(|replaced| differs(replaced, form.own.0, theta)) {
        debug_assert!(!replaced.is_empty());
        let reason = "\"rope_scaling\" replaces it".into();
        warnings.push(Warning::UnusedKey { key: "rope_parameters".into(), reason });
    }
    if form
        .own
        .get("rope_theta")
        .is_some_and(|own| keys.get(theta_key).is_some_and(|beside| beside.as_f64() != own.as_f64()))
    {
        let reason = format!("{} has another rope_theta, {theta}", form.key);
        warnings.push(Warning::UnusedKey { key: theta_key.into(), reason });
    }
    let kind = match form.own.text("rope_type")?.or(form.own.text("type")?) {
        // Older names; no other kind of scaling is accepted.
        Some("su" | "yarn") if form.rule == RopeForm::Partial => Some("longrope"),
        kind => kind,
    };
    let partial = partial(form, kind, warnings)?;
    let mut settings = RopeSettings { theta, scaling: RopeScaling::None, partial };
    let rotated = settings.rotated(head_dim);
    if rotated == 0 || !rotated.is_multiple_of(2) {
        return Err(Error::Key {
            key: "partial_rotary_factor".into(),
            expected: format!(
                "a fraction that gives a positive even number of the head's {head_dim} elements"
            ),
            found: partial.to_string(),
        });
    }
    settings.scaling = scaling(form, kind, rotated, warnings)?;
    Ok(settings)
}

fn form<'a>(
    keys: &'a Keys<'a>,
    none: &'a Map<String, Value>,
    (rule, max_positions): (RopeForm, usize),
) -> Result<Form<'a>> {
    let object = |key: &'static str| match keys.get(key) {
        None => Ok(None),
        // An empty object counts as absent.
        Some(Value::Object(own)) => Ok(Some(own).filter(|own| !own.is_empty())),
        Some(other) => Err(wrong(key, "an object or null", other)),
    };
    let (key, own, replaced) = match (object("rope_scaling")?, object("rope_parameters")?) {
        (Some(scaling), parameters) => ("rope_scaling", scaling, parameters),
        (None, Some(parameters)) => ("rope_parameters", parameters, None),
        (None, None) => ("rope_parameters", none, None),
    };
    if let Some((nested, _)) = own.iter().find(|(_, value)| value.is_object()) {
        return Err(Error::Unsupported {
            what: format!("{key} with an object {nested:?}"),
            supported: "the supported form has one set of rotary positions for all layers".into(),
        });
    }
    Ok(Form { key, own: Keys(own), beside: keys, replaced, rule, max_positions })
}

/// Whether the replaced object differs from the object in use with its theta.
fn differs(replaced: &Map<String, Value>, used: &Map<String, Value>, theta: f64) -> bool {
    let of = |map: &Map<String, Value>| {
        let mut map = map.clone();
        if let Some(kind) = map.remove("type") {
            map.entry("rope_type").or_insert(kind);
        }
        map.entry("rope_type").or_insert_with(|| "default".into());
        map.remove("rope_theta");
        map
    };
    let other = replaced.get("rope_theta").and_then(Value::as_f64);
    of(replaced) != of(used) || other.is_some_and(|other| other != theta)
}

/// Without scaling, these families rotate whole heads whatever the factor; with scaling, the factor is not supported.
fn partial(form: &Form, kind: Option<&str>, warnings: &mut Vec<Warning>) -> Result<f64> {
    let factor = match form.own.get("partial_rotary_factor") {
        Some(_) => form.own.positive("partial_rotary_factor")?,
        None => form.beside.positive_or("partial_rotary_factor", 1.0)?,
    };
    if factor == 1.0 {
        return Ok(1.0);
    }
    if form.rule == RopeForm::Partial {
        return Ok(factor.min(1.0));
    }
    match kind {
        None | Some("default") => {
            let reason = "this family rotates whole heads".into();
            warnings.push(Warning::UnusedKey { key: "partial_rotary_factor".into(), reason });
            Ok(1.0)
        }
        Some(kind) => Err(Error::Unsupported {
            what: format!("a partial_rotary_factor with rotary positions of type {kind:?}"),
            supported: "scaled rotary positions must cover the whole head".into(),
        }),
    }
}

fn scaling(
    form: &Form,
    kind: Option<&str>,
    rotated: usize,
    warnings: &mut Vec<Warning>,
) -> Result<RopeScaling> {
    let Form { own, key, .. } = form;
    let refused = |kind: &str, supported: &str| {
        Err(Error::Unsupported { what: format!("{key} of type {kind:?}"), supported: supported.into() })
    };
    match kind {
        Some(kind) if form.rule == RopeForm::Partial && !matches!(kind, "default" | "longrope") => {
            refused(kind, "the supported types of this family are default and longrope")
        }
        None | Some("default") => {
            if kind.is_none() && own.get("factor").is_some() {
                let reason = format!("{key} has no \"rope_type\", so positions are not scaled");
                warnings.push(Warning::UnusedKey { key: format!("{key}.factor"), reason });
            }
            Ok(RopeScaling::None)
        }
        Some("linear") => Ok(RopeScaling::Linear { factor: own.positive("factor")? }),
        Some("dynamic") => Ok(RopeScaling::Dynamic { factor: own.positive("factor")? }),
        Some("llama3") => {
            let (low, high) = (own.positive("low_freq_factor")?, own.positive("high_freq_factor")?);
            if low >= high {
                return Err(Error::Key {
                    key: "low_freq_factor".into(),
                    expected: format!("below high_freq_factor ({high})"),
                    found: low.to_string(),
                });
            }
            Ok(RopeScaling::Llama3 {
                factor: own.positive("factor")?,
                low_freq_factor: low,
                high_freq_factor: high,
                original_positions: form.original_positions()?,
            })
        }
        Some("yarn") => yarn(form),
        Some("longrope") => longrope(form, rotated),
        Some(other) => refused(other, SUPPORTED),
    }
}

fn yarn(form: &Form) -> Result<RopeScaling> {
    let own = &form.own;
    let original_positions = form.original_positions()?;
    // The key must be present; null means the ratio of the contexts.
    let factor = match own.0.get("factor") {
        Some(Value::Null) => form.max_positions as f64 / original_positions as f64,
        Some(_) | None => own.positive("factor")?,
    };
    let mscale = |scale: f64| if factor <= 1.0 { 1.0 } else { 0.1 * scale * factor.ln() + 1.0 };
    let attention_factor =
        match (own.number("attention_factor")?, own.number("mscale")?, own.number("mscale_all_dim")?) {
            (Some(given), _, _) => given,
            (None, Some(scale), Some(all)) if scale != 0.0 && all != 0.0 => mscale(scale) / mscale(all),
            (None, _, _) => mscale(1.0),
        };
    let or = |key: &str, default: f64| {
        Ok::<_, Error>(own.number(key)?.filter(|&given| given != 0.0).unwrap_or(default))
    };
    Ok(RopeScaling::Yarn {
        factor,
        attention_factor,
        beta_fast: or("beta_fast", 32.0)?,
        beta_slow: or("beta_slow", 1.0)?,
        original_positions,
        truncate: own.flag_or("truncate", true)?,
    })
}

fn longrope(form: &Form, rotated: usize) -> Result<RopeScaling> {
    let original_positions = form.original_positions()?;
    let factor = match form.own.get("factor") {
        Some(_) => form.own.positive("factor")?,
        None => form.max_positions as f64 / original_positions as f64,
    };
    let attention_factor = match form.own.number("attention_factor")? {
        Some(given) => given,
        None if factor <= 1.0 => 1.0,
        None => (1.0 + factor.ln() / (original_positions as f64).ln()).sqrt(),
    };
    let divisors = |key: &str| {
        let value = form.own.required(key)?;
        let expected = format!("a list of {} numbers above 0, one for each rotated pair", rotated / 2);
        let numbers = value.as_array().filter(|numbers| numbers.len() == rotated / 2);
        let one = |number: &Value| number.as_f64().filter(|number| *number > 0.0);
        let numbers = numbers.and_then(|numbers| numbers.iter().map(one).collect::<Option<Vec<f64>>>());
        numbers.ok_or_else(|| wrong(&format!("{}.{key}", form.key), &expected, value))
    };
    let (short, long) = (divisors("short_factor")?, divisors("long_factor")?);
    Ok(RopeScaling::LongRope { short, long, attention_factor, original_positions })
}

impl Form<'_> {
    fn original_positions(&self) -> Result<usize> {
        let key = "original_max_position_embeddings";
        let beside = self.beside.optional_count(key)?;
        let own = self.own.optional_count(key)?;
        let class = (self.rule == RopeForm::Partial).then_some(4096);
        Ok(beside.or(class).or(own).unwrap_or(self.max_positions))
    }
}
