//! Identifiers that look random and are the same in every run: a hash of the seed and a counter.

use sha2::{Digest, Sha256};

/// Digits and small letters.
pub(crate) const SMALL: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
/// Digits and letters of both cases.
pub(crate) const MIXED: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// `length` letters of an alphabet for one count.
pub(crate) fn letters(seed: u64, count: u64, alphabet: &[u8], length: usize) -> String {
    let mut text = String::with_capacity(length);
    for block in 0_u64.. {
        for byte in Sha256::digest(format!("{seed}/{count}/{block}")) {
            if text.len() == length {
                return text;
            }
            let letter = alphabet.get(usize::from(byte) % alphabet.len().max(1)).copied().unwrap_or(b'0');
            text.push(char::from(letter));
        }
    }
    text
}

/// A request id in the form of a UUID.
pub(crate) fn request_id(seed: u64, count: u64) -> String {
    let hex = hex(format!("request/{seed}/{count}").as_bytes());
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default().to_owned();
    format!("{}-{}-4{}-8{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

/// A number from 0 to `most` that looks random: the same for the same seed, purpose and count.
pub(crate) fn number(seed: u64, purpose: &str, count: u64, most: u64) -> u64 {
    let digest = Sha256::digest(format!("{purpose}/{seed}/{count}"));
    let random = digest.iter().take(8).fold(0, |number: u64, byte| (number << 8) | u64::from(*byte));
    random % most.saturating_add(1)
}

/// The SHA-256 of some bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    digest.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_count_gives_the_same_letters_and_another_count_others() {
        assert_eq!(letters(7, 1, SMALL, 40), letters(7, 1, SMALL, 40));
        assert_ne!(letters(7, 1, SMALL, 10), letters(7, 2, SMALL, 10));
        assert_ne!(letters(7, 1, SMALL, 10), letters(8, 1, SMALL, 10));
        assert_eq!(letters(7, 1, MIXED, 52).len(), 52);
        assert_eq!(request_id(1, 1).len(), 36);
    }
}
