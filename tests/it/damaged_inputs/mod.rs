//! Damaged inputs for every reader: no panics, no hangs, and no allocation beyond the size of the file and a fixed amount.
//!
//! By default each reader reads a minimum number of inputs, and more if it is fast. `SLIMGPT_DAMAGED_INPUTS=N` reads N inputs, and
//! `SLIMGPT_DAMAGED_SEED=S` selects other inputs. `SLIMGPT_FUZZ_SEEDS=DIR` writes the intact inputs to DIR, for `fuzz/run.sh`.

mod allocated;
mod damage;

#[path = "../../../fuzz/readers.rs"]
mod readers;

use std::{
    env, fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use readers::{READERS, Reader, prepare};

/// Time for each reader that reads the minimum sooner, if no number of inputs is given.
const TIME: Duration = Duration::from_millis(400);
/// Minimum number of inputs of each reader.
const LEAST: u64 = 3000;
/// A reader that is slower, as on a busy machine, ends after this time.
const SLOWEST: Duration = Duration::from_secs(3);
/// Inputs are at most a few hundred kilobytes, and readers have their own tables.
const MOST_ALLOCATED: usize = 48 << 20;
/// Far longer than any input needs, even on a busy machine.
const HANG: Duration = Duration::from_secs(20);

fn number(variable: &str) -> Option<u64> {
    env::var(variable)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{variable}: {text} is not a number")))
}

/// Reads damaged inputs until the number is reached, or by time. Returns the number of inputs, and adds panics, hangs
/// and large allocations to `failures`.
fn read_damaged(reader: &Reader, scratch: &Path, most: Option<u64>, failures: &mut Vec<String>) -> u64 {
    let seeds = (reader.seeds)();
    let own = scratch.join(reader.name);
    let began = Instant::now();
    let mut read = 0;
    let goes_on = |read| {
        let elapsed = began.elapsed();
        elapsed < TIME || read < LEAST && elapsed < SLOWEST
    };
    while most.map_or_else(|| goes_on(read), |most| read < most) {
        let seed = number("SLIMGPT_DAMAGED_SEED").unwrap_or(1) << 32 | read;
        let input = damage::damaged(&seeds, &mut ChaCha8Rng::seed_from_u64(seed));
        let started = Instant::now();
        let before = allocated::start();
        let done = catch_unwind(AssertUnwindSafe(|| (reader.read)(&own, &input)));
        let most = allocated::most_since(before);
        let seconds = started.elapsed();
        let keep = || {
            let path = env::temp_dir().join(format!("slimgpt-damaged-{}-{read}", reader.name));
            fs::write(&path, &input).unwrap();
            format!("input {read} of {}, kept as {}", reader.name, path.display())
        };
        if done.is_err() {
            failures.push(format!("panic: {}", keep()));
        }
        if seconds > HANG {
            failures.push(format!("{seconds:?}: {}", keep()));
        }
        if most > input.len() * 16 + MOST_ALLOCATED {
            failures.push(format!("{most} bytes allocated: {}", keep()));
        }
        read += 1;
    }
    read
}

#[test]
fn damaged_inputs_neither_panic_nor_hang_nor_allocate_much() {
    let scratch = tempfile::tempdir().unwrap();
    prepare(scratch.path());
    let count = READERS.len();
    let each = number("SLIMGPT_DAMAGED_INPUTS").map(|inputs| inputs.div_ceil(count as u64));
    // Each thread counts its own allocations.
    let (next, total, failures) = (AtomicUsize::new(0), AtomicU64::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from).min(4) {
            scope.spawn(|| {
                while let Some(reader) = READERS.get(next.fetch_add(1, Relaxed)) {
                    let (began, mut own) = (Instant::now(), Vec::new());
                    let read = read_damaged(reader, scratch.path(), each, &mut own);
                    println!("{}: {read} damaged inputs in {:.1?}", reader.name, began.elapsed());
                    total.fetch_add(read, Relaxed);
                    failures.lock().unwrap().append(&mut own);
                }
            });
        }
    });
    println!("{} damaged inputs", total.into_inner());
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn intact_inputs_are_read() {
    let scratch = tempfile::tempdir().unwrap();
    prepare(scratch.path());
    let seeds = env::var_os("SLIMGPT_FUZZ_SEEDS");
    for reader in &READERS {
        for (index, seed) in (reader.seeds)().iter().enumerate() {
            (reader.read)(&scratch.path().join(reader.name), seed);
            if let Some(seeds) = &seeds {
                let directory = Path::new(seeds).join(reader.name);
                fs::create_dir_all(&directory).unwrap();
                fs::write(directory.join(format!("seed-{index:02}")), seed).unwrap();
            }
        }
    }
}
