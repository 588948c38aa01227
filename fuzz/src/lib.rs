//! What the fuzz targets share with each other, with the program that makes their seeds, and with the tests.

pub mod frames;
pub mod segments;
#[path = "../../tests/support/mod.rs"]
pub mod support;
