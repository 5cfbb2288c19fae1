//! The one door for chance: ids and keys.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

/// A source of unpredictable bytes.
pub trait Random: Send + Sync + fmt::Debug {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);

    /// A random UUID (RFC 9562, version 4) in lower case, 36 characters.
    fn uuid(&self) -> String {
        let mut b = [0_u8; 16];
        self.fill(&mut b);
        let n = u128::from_be_bytes(b);
        uuid_text((n & !(0xF << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62))
    }
}

/// Writes 128 bits as the 36 characters of a UUID.
#[must_use]
pub fn uuid_text(n: u128) -> String {
    let hex = format!("{n:032x}");
    let mut text = String::with_capacity(36);
    for (i, c) in hex.chars().enumerate() {
        if matches!(i, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(c);
    }
    text
}

/// The operating system's generator.
#[derive(Debug, Default)]
pub struct System(SystemRandom);

impl Random for System {
    fn fill(&self, bytes: &mut [u8]) {
        // The generator fails only when the kernel has none; going on without chance would be worse than stopping.
        assert!(self.0.fill(bytes).is_ok(), "the operating system gives no random bytes");
    }
}

/// A sequence that is the same at every run: for tests.
#[derive(Debug, Default)]
pub struct Sequence(AtomicU64);

impl Random for Sequence {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let mut x = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::SeqCst);
            x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            let word = (x ^ (x >> 31)).to_le_bytes();
            for (to, from) in chunk.iter_mut().zip(word) {
                *to = from;
            }
        }
    }
}
