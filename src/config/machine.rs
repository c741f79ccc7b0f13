//! Settings of the machine, of a session's disk space, and of a single invocation.

use std::path::PathBuf;

use super::{
    ByteSize, Preset,
    check::{not_empty, up_to},
    group::settings,
};
use crate::model::{ComputeDevice, Precision};

const MOST_THREADS: usize = 1024;
/// Default disk space for layer inputs, 1 GiB.
const CACHE: ByteSize = ByteSize(1 << 30);
/// Default memory for hidden states and activations, 8 GiB.
const MEMORY: ByteSize = ByteSize(8 << 30);

settings! {
    /// The device of the forward passes, and their memory.
    #[derive(Copy)]
    pub struct Machine at machine, MachineOptions, Machine {
        /// Device of the forward passes: cpu, cuda, cuda:N or metal
        device ("device"): ComputeDevice = ComputeDevice::default() => {
            value_name: "DEVICE",
            scope: Scope::Layer,
        }
        /// Number type of the forward passes
        dtype ("dtype"): Precision = Precision::default() => { value_name: "TYPE", scope: Scope::Layer, }
        /// Memory for hidden states and activations; a smaller budget recomputes more
        memory_budget ("memory_budget"): ByteSize = MEMORY, not_empty() => {
            value_name: "SIZE",
            default: Some("8GiB"),
            scope: Scope::Machine,
        }
        /// Worker threads; at most the cores of the machine are used
        threads ("threads"): Option<usize> = None, up_to(MOST_THREADS, "remove it to use all cores") => {
            value_name: "N",
            default: Some("all cores"),
            scope: Scope::Machine,
        }
    }
}

settings! {
    /// The disk space used by a session.
    #[derive(Copy)]
    pub struct Storage at storage, StorageOptions, Session {
        /// Disk space for layer inputs, which make a retry faster; a new session deletes the inputs of older
        /// sessions; 0 stores none
        #[serde(rename = "session_cache")]
        cache ("session_cache"): ByteSize = CACHE => {
            value_name: "SIZE",
            default: Some("1GiB"),
            scope: Scope::Machine,
        }
    }
}

settings! {
    /// Options of a single invocation.
    pub options LaunchOptions at launch, Session {
        /// Directory or hub id of the model
        model ("model"): String => { value_name: "MODEL", scope: Scope::Launch, }
        /// A group of settings that belong together; settings given separately override it
        preset ("preset"): Preset => { value_name: "NAME", heading: Heading::Method, scope: Scope::Launch, }
        /// Plan sizes for --format nemotron-nas and export in that format: prune only MLPs, to multiples of 256 channels
        portable ("portable"): bool => { heading: Heading::Ratios, scope: Scope::Launch, }
        /// Directory that records the run and from which it can be resumed
        session ("session"): PathBuf => {
            value_name: "DIR",
            default: Some("a new directory under slimgpt's sessions"),
            excludes: &["no_session"],
            scope: Scope::Launch,
        }
        /// Do not record a session; a killed run is then lost
        no_session ("no_session"): bool => { excludes: &["session"], scope: Scope::Launch, }
        /// Record every event of the run as JSON lines
        events ("events"): PathBuf => { value_name: "FILE", heading: Heading::Output, scope: Scope::Launch, }
        /// Print run.json instead of the table
        json ("json"): bool => { heading: Heading::Output, scope: Scope::Launch, }
    }
}
