//! Fits a conversion to what a store holds already.
