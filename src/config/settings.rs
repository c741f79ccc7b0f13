//! The settings of a run, resolved and checked. They are stored in `run.json` and in sessions, and the engine uses
//! them.

use std::{str::FromStr, sync::LazyLock};

use serde::{Deserialize, Serialize};

use super::{
    Calibration, CalibrationOptions, Error, Evaluation, EvaluationOptions, Heading, LaunchOptions, Machine,
    MachineOptions, Objective, ObjectiveOptions, OutputOptions, Preset, Ratios, RatiosOptions,
    ScheduleChoice, Setting, SettingsForm, Solver, SolverChanges, Span, Storage, StorageOptions, parse_file,
};
use crate::{
    export::{Format, OutputForm},
    model::nemotron,
    prune::{AttentionUnitChoice, GroupSize, HeadScore, Part, Refine, Schedule, Target},
};

/// The settings of a run, in groups. In JSON, all keys except those of the machine are on one level.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// The calibration texts and windows.
    #[serde(flatten)]
    pub calibration: Calibration,
    /// The ratio of every layer.
    #[serde(flatten)]
    pub ratios: Ratios,
    /// The settings for solving one part.
    #[serde(flatten)]
    pub solver: Solver,
    /// The settings shared by all layers.
    #[serde(flatten)]
    pub objective: Objective,
    /// The evaluation.
    #[serde(flatten)]
    pub evaluation: Evaluation,
    /// The formats of the export.
    #[serde(flatten)]
    pub output: OutputForm,
    /// The disk space used by a session.
    #[serde(flatten)]
    pub storage: Storage,
    /// The device, threads and memory.
    pub machine: Machine,
}

/// Declares [`Options`] from one line per group: the struct, the merge of two sources, and the table of all groups.
macro_rules! option_groups {
    ($($(#[doc = $doc:literal])+ $group:ident: $options:ident,)+) => {
        /// Settings from one source: flags, a file or a preset. Every value is optional.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct Options {
            $($(#[doc = $doc])+ pub $group: $options,)+
        }

        const GROUPS: &[&[Setting]] = &[$($options::TABLE),+];

        impl Options {
            /// These options; missing values are taken from `weaker`.
            fn filled_from(self, weaker: Self) -> Self {
                Self { $($group: self.$group.or(weaker.$group),)+ }
            }
        }
    };
}

option_groups! {
    /// Options of a single invocation.
    launch: LaunchOptions,
    /// The calibration texts and windows.
    calibration: CalibrationOptions,
    /// The ratio of every layer.
    ratios: RatiosOptions,
    /// The settings for solving one part.
    solver: SolverChanges,
    /// The settings shared by all layers.
    objective: ObjectiveOptions,
    /// The evaluation.
    evaluation: EvaluationOptions,
    /// The formats of the export.
    output: OutputOptions,
    /// The disk space used by a session.
    storage: StorageOptions,
    /// The device, threads and memory.
    machine: MachineOptions,
}

/// All settings, in the order of the headings.
pub fn table() -> impl Iterator<Item = &'static Setting> + Clone {
    static TABLE: LazyLock<Vec<&'static Setting>> = LazyLock::new(sorted);
    TABLE.iter().copied()
}

/// The settings of a form, in the order of its fields.
pub fn form_settings(form: SettingsForm) -> Vec<&'static Setting> {
    let field = |setting: &'static Setting| Some((setting, setting.form.filter(|field| field.form == form)?));
    let (placed, mut settings): (Vec<_>, Vec<_>) =
        table().filter_map(field).partition(|(_, field)| field.after.is_some());
    for (setting, field) in placed {
        let before = settings.iter().position(|(other, _)| Some(other.key) == field.after);
        settings.insert(before.map_or(settings.len(), |before| before + 1), (setting, field));
    }
    settings.into_iter().map(|(setting, _)| setting).collect()
}

fn sorted() -> Vec<&'static Setting> {
    let mut table: Vec<&'static Setting> = Vec::new();
    for heading in Heading::ALL {
        for setting in GROUPS.iter().copied().flatten().filter(|entry| entry.heading == heading) {
            let before = table.iter().position(|other| Some(other.key) == setting.after);
            table.insert(before.map_or(table.len(), |before| before + 1), setting);
        }
    }
    table
}

impl Options {
    /// These options; missing values are taken from `weaker`. Options of `weaker` that these exclude are
    /// ignored.
    pub fn or(self, mut weaker: Self) -> Self {
        for given in table().filter(|setting| setting.is_given(&self)) {
            table()
                .filter(|other| given.excludes.contains(&other.key))
                .for_each(|other| other.clear(&mut weaker));
        }
        self.ratios.replace_in(&mut weaker.ratios);
        self.filled_from(weaker)
    }
}

impl Settings {
    /// Resolves the options with their preset and the defaults, and checks every value.
    ///
    /// # Errors
    /// If a value is out of its range, settings exclude each other, or a schedule file cannot be read.
    pub fn new(options: Options) -> Result<Self, Error> {
        let options = match options.launch.preset {
            Some(Preset::Paper) => options.or(paper()),
            Some(Preset::Recommended) => options.or(recommended()),
            None => options,
        };
        let options = match options.launch.portable {
            Some(true) => options.or(portable()),
            Some(false) | None => options,
        };
        let settings = Self {
            calibration: Calibration::fill(options.calibration)?,
            ratios: Ratios::new(options.ratios)?,
            solver: Solver::fill(options.solver)?,
            objective: Objective::fill(options.objective)?,
            evaluation: Evaluation::fill(options.evaluation)?,
            output: OutputForm::new(options.output)?,
            storage: Storage::fill(options.storage)?,
            machine: Machine::fill(options.machine)?,
        };
        if settings.objective.bias_compensation && settings.objective.target == Target::DenseStream {
            let what = "it restores the mean of the layer's own output, which is not the target dense-stream";
            return Err(Error::value("bias-compensation", what, "turn it off, or set target to layer"));
        }
        Ok(settings)
    }

    /// Options that resolve to these settings.
    pub fn options(&self) -> Options {
        Options {
            launch: LaunchOptions::default(),
            calibration: self.calibration.options(),
            ratios: self.ratios.options(),
            solver: self.solver.options(),
            objective: self.objective.options(),
            evaluation: self.evaluation.options(),
            output: self.output.options(),
            storage: self.storage.options(),
            machine: self.machine.options(),
        }
    }

    /// The mean or the ends of the ratios.
    pub fn span(&self) -> Span {
        self.ratios.span()
    }

    /// True if the run prunes this part.
    pub fn prunes(&self, part: Part) -> bool {
        self.ratios.parts.contains(&part)
    }

    /// True if every width of the output must be a multiple of `channel_multiple`, even in a layer that loses nothing else.
    pub fn needs_multiples(&self) -> bool {
        self.output.formats.contains(&Format::NemotronNas)
    }

    /// True if the dense model must run alongside the pruned one.
    pub fn needs_dense_stream(&self) -> bool {
        self.evaluation.track_errors.is_on() || self.objective.target == Target::DenseStream
    }
}

/// Parses the text of a settings file.
impl FromStr for Settings {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::new(parse_file(text, "settings")?)
    }
}

/// Settings for a result that the format nemotron-nas can express.
fn portable() -> Options {
    let mut options = Options::default();
    options.ratios.parts = Some(vec![Part::Mlp]);
    options.ratios.channel_multiple = Some(nemotron::MULTIPLE);
    options.output.formats = Some(vec![Format::NemotronNas]);
    options
}

/// The settings of the SlimGPT authors.
fn paper() -> Options {
    let mut options = Options::default();
    options.solver.head_score = Some(HeadScore::GroupedCholesky);
    options.solver.group_size = Some(GroupSize::Reference);
    options.ratios.schedule = Some(ScheduleChoice::Schedule(Schedule::Log));
    options.objective.attention_unit = Some(AttentionUnitChoice::KvGroup);
    options.ratios.by_parameters = Some(false);
    options.objective.target = Some(Target::Layer);
    options
}

/// The settings for a better result in more time than the defaults.
fn recommended() -> Options {
    let mut options = Options::default();
    options.ratios.schedule = Some(ScheduleChoice::Schedule(Schedule::Auto));
    options.ratios.search_trials = Some(8);
    options.objective.target = Some(Target::DenseStream);
    options.solver.refine = Some(Refine::Swaps);
    options
}
