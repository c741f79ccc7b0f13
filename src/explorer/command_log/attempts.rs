//! The attempts that the script makes, and their numbers in the explorer's session.
//!
//! The numbers differ after a cancelled run: the explorer keeps its attempts or lacks some that the script makes.

use crate::protocol::{Attempt, Method};

/// Attempts in the order of the script, indexed by layer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attempts {
    layers: Vec<Vec<Made>>,
    /// The newest run.
    run: Option<Planned>,
}

/// An attempt of the script.
#[derive(Clone, Debug, PartialEq)]
struct Made {
    /// Its number in the script.
    number: usize,
    /// The job that makes it; None if it existed before the script.
    job: Option<u64>,
    /// The job and the number of this attempt in the explorer; None if only the script makes it.
    explorer: Option<(Option<u64>, usize)>,
    method: Method,
    /// Numbers in the script of the attempts above; None for one that the script lacks.
    above: Vec<Option<usize>>,
}

/// What a run solves.
#[derive(Clone, Debug, PartialEq)]
struct Planned {
    job: u64,
    from: usize,
    /// Indexed by layer; empty if the run first searches for its ratios.
    methods: Vec<Method>,
}

impl Attempts {
    /// The attempts of a session that existed before the script, indexed by layer. They have the same numbers.
    pub fn of_session(layers: Vec<Vec<Attempt>>) -> Self {
        let made = |attempt: Attempt| {
            let Attempt { number, above, method } = attempt;
            let above = above.into_iter().map(Some).collect();
            Made { number, job: None, explorer: Some((None, number)), method, above }
        };
        let layers = layers.into_iter().map(|layer| layer.into_iter().map(made).collect()).collect();
        Self { layers, run: None }
    }

    /// Begins a run from a layer on. `methods` is indexed by layer.
    pub fn plan(&mut self, job: u64, from: usize, methods: Vec<Method>) {
        self.run = Some(Planned { job, from, methods });
    }

    /// The script's number of an attempt of the explorer.
    pub fn in_script(&self, layer: usize, number: usize) -> Option<usize> {
        let of_explorer = |made: &&Made| made.explorer.is_some_and(|(_, own)| own == number);
        self.layers.get(layer)?.iter().find(of_explorer).map(|made| made.number)
    }

    /// Adds an attempt that a job of the explorer has made. An equal one that only the script made before is the same.
    pub fn done(&mut self, job: u64, layer: usize, attempt: &Attempt) {
        let Attempt { number, above, method } = attempt;
        if self.in_script(layer, *number).is_some() {
            return;
        }
        let above: Vec<Option<usize>> =
            above.iter().enumerate().map(|(layer, &number)| self.in_script(layer, number)).collect();
        let explorer = Some((Some(job), *number));
        let of_layer = self.layer_mut(layer);
        let same =
            |made: &&mut Made| made.explorer.is_none() && (&made.method, &made.above) == (method, &above);
        if let Some(made) = of_layer.iter_mut().find(same) {
            made.explorer = explorer;
            return;
        }
        let made = Made { number: next(of_layer), job: Some(job), explorer, method: method.clone(), above };
        of_layer.push(made);
    }

    /// Forgets the attempts of a run that is not in the script.
    pub fn forget(&mut self, job: u64) {
        for layer in &mut self.layers {
            layer.retain(|made| made.job != Some(job));
            for made in layer.iter_mut().filter(|made| made.explorer.is_some_and(|(by, _)| by == Some(job))) {
                made.explorer = None;
            }
        }
    }

    /// Adds the attempts of a cancelled run that the script finishes. `active` has the explorer's active attempts,
    /// indexed by layer.
    pub fn finish(&mut self, job: u64, active: &[Option<usize>]) {
        let Some(Planned { from, methods, .. }) = self.run.take().filter(|run| run.job == job) else {
            return;
        };
        let mut above: Vec<Option<usize>> = Vec::new();
        for (layer, (method, active)) in methods.into_iter().zip(active).enumerate() {
            let by_job = |made: &&Made| {
                made.explorer.is_some_and(|(by, number)| by == Some(job) && Some(number) == *active)
            };
            let of_layer = self.layer_mut(layer);
            let number = match of_layer.iter().find(by_job).map(|made| made.number) {
                None if layer >= from => {
                    let same = |made: &&Made| made.method == method && made.above == above;
                    let earlier = of_layer.iter().find(same).map(|made| made.number);
                    Some(earlier.unwrap_or_else(|| {
                        let number = next(of_layer);
                        let above = above.clone();
                        of_layer.push(Made { number, job: Some(job), explorer: None, method, above });
                        number
                    }))
                }
                None => active.and_then(|active| self.in_script(layer, active)),
                found => found,
            };
            above.push(number);
        }
    }

    fn layer_mut(&mut self, layer: usize) -> &mut Vec<Made> {
        if self.layers.len() <= layer {
            self.layers.resize(layer + 1, Vec::new());
        }
        &mut self.layers[layer]
    }
}

/// The number of the next attempt of a layer.
fn next(layer: &[Made]) -> usize {
    layer.iter().map(|made| made.number + 1).max().unwrap_or(0)
}
