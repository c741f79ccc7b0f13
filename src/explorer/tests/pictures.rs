//! Sample pictures of elimination steps.

use crate::prune::{BlockPicture, HeadScore, InversePicture, RulePicture, StepPicture, WeightPicture};

/// The picture of a step that removes unit `step` of `units`, which are listed one by one.
pub fn picture(units: usize, step: usize) -> StepPicture {
    let gone = |unit: usize, removed: usize| unit < removed;
    let score = |unit: usize, removed: usize| {
        (!gone(unit, removed)).then(|| 0.01 * (unit + 1) as f32 * (1.0 + 0.1 * removed as f32))
    };
    let scores = |removed: usize| (0..units).map(|unit| score(unit, removed)).collect::<Vec<_>>();
    let map = |removed: usize| {
        let cells = (0..units).flat_map(|i| (0..=i).map(move |j| (i, j)));
        cells
            .map(|(i, j)| if gone(j, removed) { 0.0 } else { 1.0 / (1.0 + (i - j) as f32) })
            .collect::<Vec<_>>()
    };
    let own = 0.01 * (step + 1) as f64;
    let rule = |rule: HeadScore, pick: usize, times: f64| RulePicture {
        rule,
        pick,
        cost: own * times,
        exact: 0.01 * (pick + 1) as f64,
        scores: scores(step),
    };
    let units_of = |of: &dyn Fn(usize) -> bool| (0..units).map(|unit| u32::from(of(unit))).collect();
    StepPicture {
        units,
        removed: step,
        goal: units - 1,
        leaving: vec![step],
        error: own,
        next: (step + 2 < units).then_some(step + 1),
        scores: scores(step),
        scores_after: scores(step + 1),
        rules: vec![
            rule(HeadScore::Exact, step, 1.0),
            rule(HeadScore::GroupedCholesky, step, 1.1),
            rule(HeadScore::Diagonal, (step + 1).min(units - 1), 1.3),
        ],
        block: BlockPicture {
            columns: 3,
            cells: 3,
            p: vec![4.0, 1.0, 5.0, 0.5, 1.0, 6.0],
            l: vec![2.0, 0.5, 2.2, 0.25, 0.4, 2.4],
            pivots: [2.0, 2.4],
        },
        inverse: InversePicture {
            cells: units,
            sampled: units * 3,
            columns: units * 3,
            active: units_of(&|unit| !gone(unit, step)),
            leaving: units_of(&|unit| unit == step),
            before: map(step),
            after: map(step + 1),
            trace: [12.5, 11.0],
        },
        weight: WeightPicture {
            norms: (0..units).map(|unit| if gone(unit, step) { 0.0 } else { 2.0 }).collect(),
            changes: (0..units).map(|unit| if unit > step { 0.1 } else { 0.0 }).collect(),
            rows: 2,
            strips: (0..2 * units).map(|at| if gone(at / 2, step) { 0.0 } else { 1.0 + at as f32 }).collect(),
            strip_changes: (0..2 * units).map(|at| if at / 2 > step { 0.1 } else { 0.0 }).collect(),
            norm: 4.0,
            change: 0.4,
            most: Some((units - 1, 0.05)),
        },
    }
}

/// The picture of a step that removes a batch of many units: neighbours share 48 cells of P and 256 scores.
pub fn binned(units: usize, step: usize) -> StepPicture {
    const CELLS: usize = 48;
    const BLOCK: usize = 32;
    const ROWS: usize = 8;
    const GROUPS: usize = 256;
    let few = picture(CELLS, step.min(CELLS - 2));
    let scores = |removed: usize| {
        let score = |group: usize| (group >= removed).then(|| 1e-3 * (1 + group) as f32);
        (0..GROUPS).map(score).collect::<Vec<_>>()
    };
    let batch = units / (2 * GROUPS);
    let lower: Vec<f32> = (0..BLOCK * (BLOCK + 1) / 2).map(|at| 1.0 + at as f32).collect();
    StepPicture {
        units,
        removed: step * batch,
        goal: units / 2,
        leaving: (step * batch..(step + 1) * batch).collect(),
        next: Some((step + 1) * batch),
        scores: scores(step / 2),
        scores_after: scores(step.div_ceil(2)),
        rules: few.rules.into_iter().map(|rule| RulePicture { scores: Vec::new(), ..rule }).collect(),
        block: BlockPicture {
            columns: batch,
            cells: BLOCK,
            p: lower.clone(),
            l: lower,
            pivots: [1.0, 528.0],
        },
        inverse: InversePicture {
            sampled: 512,
            columns: units,
            active: vec![(units / CELLS) as u32; CELLS],
            leaving: (0..CELLS).map(|cell| if cell == 0 { batch as u32 } else { 0 }).collect(),
            ..few.inverse
        },
        weight: WeightPicture {
            rows: ROWS,
            strips: (0..CELLS * ROWS).map(|at| 1.0 + at as f32).collect(),
            strip_changes: vec![0.1; CELLS * ROWS],
            most: Some((units - 1, 0.05)),
            ..few.weight
        },
        ..few
    }
}
