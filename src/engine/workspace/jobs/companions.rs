//! Files of an export that people read: the model card and the table of layers.

use crate::{
    export::{OutputDir, WrittenForm, is_licence},
    model::Source,
    protocol::RunRecord,
    report::{self, CardFacts, Change, LayerFacts, LayerState},
};

use crate::engine::{Error, ModelChoice};

use super::Workspace;

const CARD: &str = "README.md";
const TABLE: &str = "layers.csv";

impl Workspace<'_> {
    pub fn write_companions(
        &self,
        record: &RunRecord,
        forms: &[WrittenForm],
        out: &OutputDir,
    ) -> Result<(), Error> {
        let source = self.checkpoint.source();
        let hub_id = match (&self.choice, source) {
            (ModelChoice::Named(name), Source::Directory(_)) => {
                let local = std::path::Path::new(name).is_dir();
                if local { source.hub_id() } else { Some(name.clone()) }
            }
            (ModelChoice::Demo, _) | (_, Source::Embedded(_) | Source::Gguf(_)) => None,
        };
        let readme = match source.has(CARD) {
            true => Some(source.read(CARD, "it was removed in the meantime")?),
            false => None,
        };
        let facts = CardFacts {
            hub_id,
            readme: readme.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
            licence_files: source.files()?.into_iter().filter(|name| is_licence(name)).collect(),
            forms: forms.to_vec(),
        };
        out.write(CARD, report::card(record, &facts).as_bytes())?;
        out.write(TABLE, report::layers_csv(record, &self.layer_facts()).as_bytes())?;
        Ok(())
    }

    fn layer_facts(&self) -> Vec<LayerFacts> {
        let (before, after) = (self.checkpoint.architecture(), self.architecture());
        let numbers = self.attempts.numbers();
        let facts = before.layers.iter().zip(&after.layers).enumerate().map(|(layer, (before, after))| {
            let change = |before, after| Some(Change { before, after });
            LayerFacts {
                attempt: numbers[layer],
                heads: change(before.heads, after.heads),
                kv_heads: change(before.kv_heads, after.kv_heads),
                state: match self.attempts.active(layer) {
                    None => LayerState::Dense,
                    Some(solved) if self.attempts.is_behind_others(solved) => LayerState::Stale,
                    Some(_) => LayerState::Pruned,
                },
            }
        });
        facts.collect()
    }
}
