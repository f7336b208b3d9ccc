//! What is counted and measured, for those who alert and draw.

pub mod family;
