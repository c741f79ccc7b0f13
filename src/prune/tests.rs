//! The claims of the method, on random weights, against the slow formulas.
