//! Bytes made small once and for all: what is built into the binary.
//!
//! What a store writes is squeezed with dictionaries of its own (`store::squeeze`); this is for what is known when the program is built.

use std::io;

/// Packing happens once, unpacking often: the smallest is best.
const LEVEL: i32 = 19;

/// Makes bytes small. The same bytes always give the same result.
///
/// # Errors
/// When there is not enough memory.
pub fn pack(bytes: &[u8]) -> io::Result<Vec<u8>> {
    zstd::bulk::compress(bytes, LEVEL)
}

/// Undoes [`pack`]; `length` is how many bytes there were at most.
///
/// # Errors
/// When the bytes are damaged or more than that.
pub fn unpack(small: &[u8], length: usize) -> io::Result<Vec<u8>> {
    zstd::bulk::decompress(small, length)
}

#[cfg(test)]
mod tests {
    use super::{pack, unpack};

    #[test]
    fn unpacking_undoes_packing() {
        let text = "the same again and again, ".repeat(100);
        let small = pack(text.as_bytes()).unwrap();
        assert!(small.len() * 10 < text.len());
        assert_eq!(unpack(&small, text.len()).unwrap(), text.as_bytes());
        assert!(unpack(&small, text.len() - 1).is_err());
        assert!(unpack(&small[1..], text.len()).is_err());
    }
}
