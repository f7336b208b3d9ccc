//! Nothing: this branch has the kernel side only.

fn main() {}
