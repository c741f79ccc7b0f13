//! Flags, made from the table of settings.

use std::marker::PhantomData;

use clap::{
    Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser, ValueParser},
    error::ErrorKind,
};
use slimgpt::{
    config::{Heading, Kind, Options, Scope, Setting, table},
    names::Named,
};

/// The options given by the flags of a set.
#[derive(Clone, Debug)]
pub struct Flags<S> {
    pub options: Options,
    set: PhantomData<S>,
}

/// A set of settings for which a command has flags.
pub trait Set: Clone + 'static {
    /// True if a setting without its flag has the default; false if it keeps the value from the session.
    const DEFAULTS: bool = true;
    /// True if a switch whose key is a negation also has the positive flag.
    const BOTH_WAYS: bool = false;

    fn has(setting: &Setting) -> bool;
}

/// All settings except the model, which is an argument.
#[derive(Clone, Debug)]
pub struct All;

/// The device and its memory.
#[derive(Clone, Debug)]
pub struct MachineFlags;

/// The formats of an export.
#[derive(Clone, Debug)]
pub struct OutputFlags;

/// The settings that a retry can change.
#[derive(Clone, Debug)]
pub struct MethodFlags;

/// Settings of a perplexity that `prune` has under the same names.
#[derive(Clone, Debug)]
pub struct EvaluationFlags;

impl Set for All {
    fn has(setting: &Setting) -> bool {
        setting.key != "model"
    }
}

impl Set for MachineFlags {
    fn has(setting: &Setting) -> bool {
        setting.heading == Heading::Machine
    }
}

impl Set for OutputFlags {
    const DEFAULTS: bool = false;

    fn has(setting: &Setting) -> bool {
        setting.heading == Heading::Output && setting.scope == Scope::Run
    }
}

impl Set for MethodFlags {
    const DEFAULTS: bool = false;
    const BOTH_WAYS: bool = true;

    fn has(setting: &Setting) -> bool {
        setting.scope == Scope::Method
    }
}

impl Set for EvaluationFlags {
    const DEFAULTS: bool = false;

    fn has(setting: &Setting) -> bool {
        ["eval_seed", "eval_kl", "bos"].contains(&setting.key)
    }
}

fn settings<S: Set>() -> impl Iterator<Item = &'static Setting> {
    table().filter(|setting| S::has(setting))
}

/// The positive flag of a switch with a negated key: `compensation` for `no_compensation`.
fn positive<S: Set>(setting: &'static Setting) -> Option<&'static str> {
    let name = setting.key.strip_prefix("no_")?;
    (S::BOTH_WAYS && setting.negated).then_some(name)
}

impl<S: Set> Args for Flags<S> {
    fn augment_args(command: Command) -> Command {
        settings::<S>().fold(command, |command, setting| {
            let command = command.arg(flag::<S>(setting));
            match positive::<S>(setting) {
                Some(name) => command.arg(
                    Arg::new(name)
                        .long(name)
                        .action(ArgAction::SetTrue)
                        .conflicts_with(setting.key)
                        .help_heading(setting.heading.name())
                        .help(format!("Opposite of --{}", setting.flag())),
                ),
                None => command,
            }
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<S: Set> FromArgMatches for Flags<S> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut flags = Self { options: Options::default(), set: PhantomData };
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        for setting in settings::<S>() {
            let refused =
                |what| Error::raw(ErrorKind::InvalidValue, format!("--{}: {what}\n", setting.flag()));
            if let Some(texts) = matches.get_many::<String>(setting.key) {
                let texts: Vec<String> = texts.cloned().collect();
                setting.set_texts(&mut self.options, &texts).map_err(refused)?;
            }
            if positive::<S>(setting).is_some_and(|name| matches.get_flag(name)) {
                setting.set_texts(&mut self.options, &["false".into()]).map_err(refused)?;
            }
        }
        Ok(())
    }
}

/// The flag of a setting.
fn flag<S: Set>(setting: &'static Setting) -> Arg {
    let help = match setting.default_text().filter(|_| S::DEFAULTS) {
        Some(default) => format!("{} [default: {default}]", setting.help),
        None => setting.help.into(),
    };
    let excluded = table().filter(|other| setting.excludes.contains(&other.key) && S::has(other));
    let arg = Arg::new(setting.key)
        .long(setting.flag())
        .help(help)
        .help_heading(setting.heading.name())
        .value_name(if setting.kind == Kind::Switch { "BOOL" } else { setting.value_name })
        .value_parser(parser(setting))
        .conflicts_with_all(excluded.map(|other| other.key));
    let arg = match setting.requires {
        Some(other) => arg.requires(other),
        None => arg,
    };
    match setting.kind {
        Kind::Switch => arg.num_args(0..=1).default_missing_value("true").require_equals(true),
        Kind::One => arg,
        Kind::List { separated: false } => arg.action(ArgAction::Append),
        Kind::List { separated: true } => arg.action(ArgAction::Append).value_delimiter(','),
    }
}

/// Checks the text of a flag with the parser of its setting.
fn parser(setting: &'static Setting) -> ValueParser {
    let choices = (setting.choices)();
    if !choices.is_empty() {
        let value = |(name, help): (&'static str, &'static str)| PossibleValue::new(name).help(help);
        return PossibleValuesParser::new(choices.into_iter().map(value)).into();
    }
    ValueParser::from(move |text: &str| {
        setting.set_texts(&mut Options::default(), &[text.into()]).map(|()| text.to_owned())
    })
}

/// Parses a variant by its name.
pub fn choice<T: Named + Send + Sync>() -> impl TypedValueParser<Value = T> {
    let values = T::ALL.iter().map(|value| PossibleValue::new(value.name()).help(value.help()));
    PossibleValuesParser::new(values).try_map(|name| T::named(&name))
}
