//! The entry points of the program: items of the crate's private modules for the binary, tests, benches and
//! examples of this package. It is not part of the library's interface.

pub mod cluster {
    #[cfg(feature = "mpi")]
    pub use crate::cluster::connect;
    pub use crate::cluster::{Group, Traffic, in_process};
}

pub mod engine {
    pub use crate::engine::{
        Again, Choose, Context, Draw, Error, Evaluate, Export, Generate, LayerTries, Logits, Measure,
        Measured, ModelChoice, PruneAgain, PruneRun, Ranks, Report, Resume, Resumed, Retry, SessionPlace,
        Worker, choose, evaluate, follow, prune, resume, retry, start, workspace,
    };
}

pub mod explorer {
    pub use crate::explorer::{
        ACTIONS, Action, Confirm, Confirmed, Dialog, Effect, Explain, Field, FieldId, Filter, Form, FormKind,
        Help, Input, Key, KeyMap, Msg, Origin, Palette, Phase, Playback, Pointed, Pointer, Press, Screen,
        Sessions, Start, State, palette, update, view,
    };
}

pub mod headless {
    #[cfg(feature = "mpi")]
    pub use crate::headless::without_interrupts;
    pub use crate::headless::{
        Confirmation, Output, Removal, advice, choose, collect_sweep, compare_sessions, evaluate, export,
        generate, inspect, list_sessions, logits, measure, print_text, prune, prune_again,
        prune_old_sessions, remove_sessions, report, resume, retry, run_sweep, say, show_session,
        sweep_commands,
    };
}

pub mod protocol {
    pub use crate::protocol::{
        Attempt, AttemptSummary, CalibrationRecord, Command, Control, CurvePoint, Draft, Event, HessianStats,
        Job, JobKind, Label, LayerPart, LayerRecord, LayerShape, LayerSummary, LossPoint, MeasuredToken,
        Method, MethodChange, Methods, ModelRecord, ModelShape, MomentPicture, OnCancel, Pace, PartRecord,
        PartSummary, PerplexityRecord, PlannedLayer, Prompt, ReplayIndex, ReplayMark, Restored,
        RestoredAttempt, RestoredLayer, RunRecord, SearchRecord, SensitivityCurve, SessionContent,
        SessionStatus, SessionSummary, Side, Stage, Stamped, Statistics, TokenPrediction, TriedRatios, job,
    };
}

pub mod progress {
    pub use crate::progress::Progress;
}

pub mod plot {
    pub use crate::plot::{Axis, Chart, Dot, Ink, Look, Panel, Scale, Series, Shape, Stroke};
}

pub mod recording {
    pub use crate::recording::{Recorder, Replay};
}

pub mod session {
    pub use crate::session::{
        Error, ModelPlace, PartPlace, State, find, last_record, look, look_at_part, planned_ratios, summary,
    };
}

pub mod sweep {
    pub use crate::sweep::{Asked, Error, Sweep, read};
}

pub mod words {
    pub use crate::words::{ExitCode, exit_codes};
}

pub mod tui {
    pub use crate::tui::{
        Ending, Error, Flags, Interface, Opened, Session, StartEngine, explore, keymap, needs_terminal,
        report_panics, themes,
    };
}

pub mod pipeline {
    pub use crate::pipeline::{
        memory::Footprint,
        plan::parameters_of_parts,
        search::{Search, SearchNotice, SearchWindows, Sensitivity, for_search},
    };
}
