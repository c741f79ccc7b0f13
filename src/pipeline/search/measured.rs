//! Measured sensitivity curves: the divergence with one part of one layer pruned, for several counts.

use crate::prune::Part;

use super::{
    super::{Error, LayerTask, MomentCache, Propagate, Removals, Streams, Task},
    Prunable, Search, SearchNotice, SearchObserver, Sensitivity, emit, quietly,
};
use crate::prune::{AttentionUnit, LayerRatio};

/// Fractions used to measure a part with many units.
const SHARES: [f64; 7] = [0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9];
/// Maximum number of units for which every count is measured.
pub(super) const ALL_UP_TO: usize = 10;

impl Search<'_> {
    /// A measured curve for each prunable part.
    pub fn measured_costs(&self, observer: &mut SearchObserver<'_>) -> Result<Vec<Sensitivity>, Error> {
        let (fit, judge) = (self.fitting(), self.judging());
        let layers = self.checkpoint.architecture().layers.len();
        let parts = self.parts()?;
        let counts = self.all_counts(&parts, &SHARES);
        let total = counts.iter().map(|counts| counts.len() as u64).sum();
        let mut done = 0;
        let (mut at_fit, mut at_judge) = (fit.enter()?, judge.enter()?);

        let notice = || SearchNotice::Measuring { layer: 0, part: Part::Attention, done: 0, total };
        self.dense(notice, observer)?;
        let mut curves = Vec::with_capacity(parts.len());
        for layer in 0..layers {
            let mut known = MomentCache::default();
            for (&of, counts) in parts.iter().zip(&counts).filter(|(of, _)| of.layer == layer) {
                let Prunable { part, unit, .. } = of;
                let mut points = Vec::with_capacity(counts.len());
                for counts in counts.chunks(self.side_by_side(&at_judge)) {
                    let mut ways = Vec::with_capacity(counts.len());
                    for &count in counts {
                        let notice = || SearchNotice::Measuring { layer, part, done, total };
                        let task = self.alone(of, count);
                        let mut streams = at_fit.clone();
                        let solved =
                            fit.layer(&task, &mut streams, Some(&mut known), &mut quietly(observer, notice))?;
                        let mut way = at_judge.clone();
                        judge.through(layer, Some(&solved.cut), &mut way, &mut quietly(observer, notice))?;
                        ways.push(way);
                        done += 1;
                    }
                    for below in layer + 1..layers {
                        // Each block is read once for all variants.
                        let block = self.checkpoint.block(below, self.device, self.dtype)?;
                        for way in &mut ways {
                            emit(observer, SearchNotice::Measuring { layer, part, done, total })?;
                            for h in &mut way.pruned.batches {
                                *h = block.forward(h, &way.rope)?;
                            }
                        }
                    }
                    for (&count, way) in counts.iter().zip(&ways) {
                        points.push((count, self.judge(way)?.of_both()));
                    }
                }
                let (units, per_unit) = (self.units(of), self.per_unit(of));
                let curve = Sensitivity { layer, part, unit, units, per_unit, points };
                emit(observer, SearchNotice::Measured(&curve))?;
                curves.push(curve);
            }
            let notice = || SearchNotice::Measuring { layer, part: Part::Mlp, done, total };
            fit.through(layer, None, &mut at_fit, &mut quietly(observer, notice))?;
            judge.through(layer, None, &mut at_judge, &mut quietly(observer, notice))?;
        }
        Ok(curves)
    }

    /// Number of variants whose streams fit into memory together.
    fn side_by_side(&self, judge: &Streams) -> usize {
        let room = self.settings.machine.memory_budget.0 / 4 / judge.bytes().max(1);
        usize::try_from(room).unwrap_or(usize::MAX).max(1)
    }

    /// Counts at which each part is measured. The largest possible count is measured only if the budget needs it.
    pub(super) fn all_counts(&self, parts: &[Prunable], shares: &[f64]) -> Vec<Vec<usize>> {
        let mut counts: Vec<Vec<usize>> = parts.iter().map(|&part| self.counts(part, shares)).collect();
        let reached = |(&part, counts): (&Prunable, &Vec<usize>)| {
            let last = counts.last().copied().unwrap_or(0);
            let option = self.options(part).into_iter().rfind(|&option| option <= last);
            option.unwrap_or(0) as u64 * self.per_unit(part)
        };
        // An attention with two units counts once.
        let first = |part: &Prunable| part.part == Part::Mlp || part.unit == self.unit(part.layer);
        let all = parts.iter().zip(&counts).filter(|(part, _)| first(part)).map(reached).sum::<u64>();
        if all < self.budget {
            for (&part, counts) in parts.iter().zip(&mut counts) {
                let most = self.most(part);
                if counts.last().copied().unwrap_or(0) < most {
                    counts.push(most);
                }
            }
        }
        counts
    }

    /// Default counts at which a part is measured.
    fn counts(&self, part: Prunable, shares: &[f64]) -> Vec<usize> {
        let units = self.units(part);
        let size = self.size(part.layer);
        let step = match (part.part, part.unit) {
            (Part::Attention, AttentionUnit::QueryHead) => size.kv_heads,
            (Part::Attention, AttentionUnit::KvGroup) | (Part::Mlp, _) => 1,
        };
        let groups = units / step;
        let mut counts: Vec<usize> = if groups <= ALL_UP_TO {
            (1..groups).map(|count| count * step).collect()
        } else {
            let count = |share: &f64| (groups as f64 * share).round() as usize * step;
            shares.iter().map(count).filter(|&count| count > 0 && count < units).collect()
        };
        counts.dedup();
        counts
    }

    /// Removes `count` units of one part and keeps the other part.
    fn alone(&self, of: Prunable, count: usize) -> LayerTask<'static> {
        let Prunable { layer, part, unit } = of;
        let solve = Task::Solve { removals: Removals { units: count, scheduled: count }, solver: None };
        let of = |own: Part| if own == part { solve } else { Task::Keep };
        let (attention, mlp) = (of(Part::Attention), of(Part::Mlp));
        LayerTask { layer, ratio: LayerRatio::ZERO, unit, attention, mlp, propagate: Propagate::RecordOnly }
    }
}
