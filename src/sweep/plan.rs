//! The cells of a sweep, with their names and their complete settings.

use serde::{Deserialize, Serialize};

use super::{
    Draft, Error,
    file::{CASE, DraftCell, SEED},
    name::{Label, names},
};
use crate::{
    config::{self, Heading, Options, Scope, Settings},
    engine::ModelChoice,
};

/// A sweep with all settings resolved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sweep {
    pub title: String,
    /// Whether the cells export their models.
    pub export: bool,
    /// Names of the columns that distinguish rows: `case`, and the keys of the grid without the seed.
    pub columns: Vec<String>,
    pub cells: Vec<Cell>,
}

/// One run of a sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// The name of its files.
    pub name: String,
    /// One value per column.
    pub values: Vec<String>,
    /// None for the built-in model.
    pub model: Option<String>,
    pub settings: Settings,
}

impl Sweep {
    /// Resolves the settings of a parsed file. Settings not given in the file come from `weaker`, then from
    /// the built-in model if the cell uses it. `title` is the title for a file without one.
    ///
    /// # Errors
    /// If settings are invalid, with the name of the cell; or if two cells have the same settings.
    pub fn new(draft: Draft, weaker: &Options, title: &str) -> Result<Self, Error> {
        let Draft { title: own_title, export, keys, seeded, cells } = draft;
        let labels: Vec<Label<'_>> = cells
            .iter()
            .map(|DraftCell { case, values, options }| Label {
                case: case.as_deref(),
                values: keys.iter().map(String::as_str).zip(values.iter().map(String::as_str)).collect(),
                seed: options.calibration.seed.filter(|_| seeded),
            })
            .collect();
        let names = names(&labels);
        let cased = cells.iter().any(|cell| cell.case.is_some());
        let mut resolved: Vec<Cell> = Vec::with_capacity(cells.len());
        for (DraftCell { case, values, options }, name) in cells.into_iter().zip(names) {
            let values = case.into_iter().chain(values).collect();
            resolved.push(cell(name, values, options.or(weaker.clone()))?);
        }
        let columns = cased.then(|| CASE.to_owned()).into_iter().chain(keys).collect();
        let sweep =
            Self { title: own_title.unwrap_or_else(|| title.into()), export, columns, cells: resolved };
        sweep.refuse_equal_cells()?;
        Ok(sweep)
    }

    fn refuse_equal_cells(&self) -> Result<(), Error> {
        let all: Vec<Vec<(String, String)>> =
            self.cells.iter().map(|cell| cell.identity(self.export)).collect();
        for (at, own) in all.iter().enumerate() {
            if let Some(earlier) = all[..at].iter().position(|other| other == own) {
                let (one, other) = (self.cells[earlier].name.clone(), self.cells[at].name.clone());
                return Err(Error::Same { one, other });
            }
        }
        Ok(())
    }
}

fn cell(name: String, values: Vec<String>, options: Options) -> Result<Cell, Error> {
    let model = options.launch.model.clone();
    let cache = options.storage.cache;
    let options = match ModelChoice::new(model.clone()) {
        ModelChoice::Demo => options.or(config::demo()?),
        ModelChoice::Named(_) => options,
    };
    let mut settings = Settings::new(options).map_err(|cause| Error::cell(&name, cause))?;
    if cache.is_none() {
        // No layer of a cell is solved again, so layer inputs are not stored.
        settings.storage.cache = config::ByteSize(0);
    }
    Ok(Cell { name, values, model, settings })
}

impl Cell {
    pub fn choice(&self) -> ModelChoice {
        ModelChoice::new(self.model.clone())
    }

    /// The settings file of the cell.
    pub fn file(&self) -> String {
        self.settings.to_file(self.model.as_deref())
    }

    /// The model and the settings that affect the result, as (key, value). Output settings are included if
    /// the cells export their models.
    pub fn identity(&self, export: bool) -> Vec<(String, String)> {
        let counts = |heading, scope| scope != Scope::Machine && (export || heading != Heading::Output);
        let model =
            self.model.as_ref().map(|model| ("model".into(), toml::Value::from(&**model).to_string()));
        let settings = self.settings.entries(counts).map(|(_, key, value)| (key.into(), value));
        model.into_iter().chain(settings).collect()
    }

    /// Whether both cells measure the same dense model on the same text.
    pub fn measures_as(&self, other: &Self) -> bool {
        let evaluation = |cell: &Self| {
            let settings = &cell.settings;
            let (device, dtype) = (settings.machine.device, settings.machine.dtype);
            (cell.model.clone(), settings.evaluation.of_perplexity(), device, dtype)
        };
        self.settings.evaluation.text.is_some() && evaluation(self) == evaluation(other)
    }

    /// [`Self::identity`] without the seed.
    pub fn identity_but_seed(&self, export: bool) -> Vec<(String, String)> {
        let mut identity = self.identity(export);
        identity.retain(|(key, _)| key != SEED);
        identity
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::file::parse;

    fn sweep(text: &str) -> Result<Sweep, String> {
        let draft = parse(text, "sweep.toml").map_err(|error| error.to_string())?;
        Sweep::new(draft, &Options::default(), "sweep").map_err(|error| error.to_string())
    }

    #[test]
    fn cells_without_a_model_use_the_built_in_model() {
        let sweep = sweep("[grid]\nratio = [0.1, 0.2]").unwrap();
        let settings = &sweep.cells[1].settings;
        assert_eq!((settings.ratios.ratio, settings.calibration.seq_len), (Some(0.2), Some(256)));
        assert_eq!(settings.storage.cache, config::ByteSize(0));
        assert_eq!(sweep.cells[1].name, "0.2");
    }

    #[test]
    fn invalid_settings_are_refused_with_the_name_of_their_cell() {
        let error = sweep("[grid]\nratio = [0.1, 1.5]\nseed = [0, 1]").unwrap_err();
        assert!(error.starts_with("cell 1.5-seed0: ratio: expected a ratio"), "{error}");
    }

    #[test]
    fn cells_with_the_same_settings_are_refused() {
        let error = sweep("[[case]]\nname = \"a\"\n[[case]]\nname = \"b\"\nthreads = 3").unwrap_err();
        assert!(error.starts_with("cells a and b: they have the same settings"), "{error}");
    }

    #[test]
    fn a_sweep_is_read_back_from_json() {
        let sweep = sweep("title = \"t\"\n[grid]\nratio = [0.1, 0.2]\nseed = [0, 1]").unwrap();
        let json = serde_json::to_string(&sweep).unwrap();
        assert_eq!(serde_json::from_str::<Sweep>(&json).unwrap(), sweep);
    }
}
