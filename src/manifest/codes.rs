//! x
/// x
pub const CODES: &[(&str, &str)] = &[];
