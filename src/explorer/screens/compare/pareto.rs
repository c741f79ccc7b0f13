//! The sessions of the model as points: size against perplexity, and the front of those that no other session beats.

use std::path::PathBuf;

use super::numbers::evaluation;
use crate::{
    explorer::{Effect, State, Then},
    protocol::{PerplexityRecord, SessionStatus, SessionSummary},
    words,
};

/// The point under the cursor, and the quantity of the x axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Index of the point, by ascending size.
    pub at: usize,
    /// Bytes of the weights in place of parameters.
    pub bytes: bool,
}

/// A session as a point of the chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    pub session: SessionSummary,
    pub parameters: u64,
    pub record: PerplexityRecord,
    /// Perplexity of the pruned model.
    pub perplexity: f64,
    /// No other session is smaller and at the same time better.
    pub front: bool,
    pub open: bool,
}

/// The points, and the sessions of the model that have none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pareto {
    /// By ascending parameters.
    pub points: Vec<Point>,
    /// Sessions without a perplexity.
    pub unmeasured: usize,
    /// Sessions measured on another text or with other windows.
    pub otherwise: usize,
}

/// The sessions of the open model that were measured like the open one, or like the newest if that was not measured.
pub fn of(state: &State) -> Pareto {
    let (Some(model), Some(list)) = (&state.model, &state.sessions.list) else { return Pareto::default() };
    let Ok(sessions) = &list.sessions else { return Pareto::default() };
    let hash = &model.record.config_sha256;
    let of_model = sessions.iter().filter_map(|session| {
        let content = session.content.as_ref().filter(|content| content.model.config_sha256 == *hash)?;
        Some((session, content, content.perplexity.as_ref().filter(|record| record.after.is_some())))
    });
    let of_model: Vec<_> = of_model.collect();
    let open = of_model.iter().find(|(session, ..)| state.is_open_session(session));
    let first =
        open.and_then(|(_, _, record)| *record).or_else(|| of_model.iter().find_map(|(.., record)| *record));
    let mut pareto = Pareto::default();
    for (session, content, record) in of_model {
        let (Some(record), Some(first)) = (record, first) else {
            pareto.unmeasured += 1;
            continue;
        };
        if (evaluation(record), record.tokens) != (evaluation(first), first.tokens) {
            pareto.otherwise += 1;
            continue;
        }
        let Some(perplexity) = record.after else { continue };
        let (session, record, open) = (session.clone(), record.clone(), state.is_open_session(session));
        let parameters = content.model.parameters_after;
        pareto.points.push(Point { session, parameters, record, perplexity, front: false, open });
    }
    pareto.points.sort_by(|a, b| {
        (a.parameters, a.perplexity)
            .partial_cmp(&(b.parameters, b.perplexity))
            .unwrap_or(std::cmp::Ordering::Equal)
    });
    // A session with the same size and perplexity as one on the front is not beaten.
    let mut best = (u64::MAX, f64::INFINITY);
    for point in &mut pareto.points {
        let own = (point.parameters, point.perplexity);
        point.front = own.1 < best.1 || own == best;
        best = if own.1 < best.1 { own } else { best };
    }
    pareto
}

/// Opens the session under the cursor.
pub fn open(state: &mut State) -> Vec<Effect> {
    let points = of(state).points;
    let Some(point) = points.get(state.screens.compare.pareto.at.min(points.len().saturating_sub(1))) else {
        return state.refuse("no session of this model has a perplexity yet");
    };
    let name = words::session_title(&point.session).to_string();
    if point.open {
        return state.refuse(format!("session {name} is already open"));
    }
    if let Some(why) = state.unready() {
        return state.refuse(why);
    }
    if let Some(job) = state.job() {
        let job = job.kind.name();
        return state.refuse(format!("a job is running ({job}); wait for its end, then open the session"));
    }
    match &point.session.status {
        SessionStatus::Finished | SessionStatus::Unfinished { .. } => {
            state.reopen(point.session.path.clone() as PathBuf, Then::Look)
        }
        SessionStatus::InUse { .. } => state.refuse(format!("another process is working on session {name}")),
        SessionStatus::Damaged { why } => {
            let why = format!("session {name} cannot be opened: {why}");
            state.refuse(why)
        }
    }
}

/// One row per point.
pub fn csv(state: &State) -> String {
    let mut text = String::from("session,parameters,bytes,perplexity,standard_error,front,path\n");
    for point in of(state).points {
        let error = point.record.after_error.map_or(String::new(), |error| error.to_string());
        text += &format!(
            "{},{},{},{},{error},{},{}\n",
            super::csv::quoted(words::session_title(&point.session)),
            point.parameters,
            state.bytes_of(point.parameters),
            point.perplexity,
            point.front,
            super::csv::quoted(&point.session.path.to_string_lossy()),
        );
    }
    text
}
