//! Pictures of numbers: bars, curves, maps.
