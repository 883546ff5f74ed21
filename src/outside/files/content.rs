//! Bytes of an open file or stream.
//!
//! Receives a handle and a limit, gives back all bytes in one allocation of exactly their size,
//! wiped on drop, and never leaves an unwiped copy behind by growing a buffer.
#![expect(clippy::disallowed_types, reason = "reads from a handle")]

use std::{
    fs::{File, Metadata},
    io::{self, Read},
    os::unix::fs::MetadataExt,
};

use zeroize::Zeroizing;

use super::refusal::Refusal;

/// The bytes of a regular file that nobody writes to meanwhile.
pub(super) fn regular(mut file: File, limit: usize) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let before = checked(&file)?;
    let size = usize::try_from(before.len()).ok().filter(|size| *size <= limit).ok_or(Refusal::TooLarge(limit))?;
    let mut bytes = Zeroizing::new(vec![0; size]);
    let mut beyond = Zeroizing::new([0]);
    // Files of /proc say that they are empty and are not: they end here as well
    if fill(&mut file, &mut bytes)? != size || fill(&mut file, beyond.as_mut_slice())? != 0 {
        return Err(Refusal::Changed);
    }
    let after = checked(&file)?;
    if (before.len(), before.mtime(), before.mtime_nsec()) != (after.len(), after.mtime(), after.mtime_nsec()) {
        return Err(Refusal::Changed);
    }
    Ok(bytes)
}

/// What is known of an open handle, if it is a regular file.
pub(super) fn checked(file: &File) -> Result<Metadata, Refusal> {
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        Err(Refusal::Folder)
    } else if metadata.is_file() {
        Ok(metadata)
    } else {
        Err(Refusal::NotRegular)
    }
}

/// The bytes of a stream, whose length is only known at its end.
///
/// They are gathered in chunks and joined once. Each chunk is wiped as soon as it is copied, so that
/// memory holds the stream once and not twice.
///
/// Where a length is expected (a file that was redirected), and it is right, nothing is copied.
pub(in crate::outside) fn stream(
    reader: &mut impl Read,
    expected: usize,
    limit: usize,
) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let mut chunks = Vec::new();
    let mut total = 0;
    // One more, so that the end shows
    let mut size = if (1..=limit).contains(&expected) { expected + 1 } else { CHUNK };
    loop {
        let mut chunk = Zeroizing::new(vec![0; size]);
        let count = fill(reader, &mut chunk)?;
        total += count;
        if total > limit {
            return Err(Refusal::TooLarge(limit));
        }
        if count > 0 && count == expected && chunks.is_empty() {
            chunk.truncate(count);
            return Ok(chunk);
        }
        chunks.push((chunk, count));
        if count < size {
            break;
        }
        size = CHUNK;
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(total));
    for (mut chunk, count) in chunks {
        bytes.extend_from_slice(chunk.get(..count).unwrap_or_default());
        // Unused capacity is wiped in blocks, elements are wiped one by one
        chunk.clear();
    }
    Ok(bytes)
}

/// Reads until the buffer is full or the end is reached, and says how much that was.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Bytes of a chunk: a few reads of a full pipe (64 KiB each on Linux).
const CHUNK: usize = 256 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time, with an interruption before each.
    struct Drip<'a>(&'a [u8], bool);

    impl Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let one = buffer.len().min(1);
            self.0.read(&mut buffer[..one])
        }
    }

    #[test]
    fn a_stream_in_small_parts_is_whole() {
        assert_eq!(stream(&mut Drip(b"abc", false), 0, 3).unwrap().as_slice(), b"abc");
        assert!(stream(&mut Drip(b"", false), 0, 0).unwrap().is_empty());
    }

    #[test]
    fn a_stream_of_any_length_around_a_chunk_is_whole() {
        for length in [CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK] {
            let content: Vec<u8> = (0..=250).cycle().take(length).collect();
            let bytes = stream(&mut content.as_slice(), 0, length).unwrap();
            assert_eq!((&*bytes, bytes.capacity()), (&content, length));
            assert!(matches!(stream(&mut content.as_slice(), 0, length - 1), Err(Refusal::TooLarge(_))));
        }
    }

    #[test]
    fn a_stream_is_whole_whatever_was_expected() {
        for expected in [0, 1, 99, 100, 101, 5000] {
            let bytes = stream(&mut Drip(&[7; 100], false), expected, 1000).unwrap();
            assert_eq!(bytes.as_slice(), [7; 100], "{expected}");
        }
        assert!(matches!(stream(&mut Drip(&[7; 100], false), 99, 99), Err(Refusal::TooLarge(_))));
    }

    #[test]
    fn a_stream_without_end_is_refused() {
        assert!(matches!(stream(&mut io::repeat(0), 0, 1 << 20), Err(Refusal::TooLarge(_))));
    }

    #[test]
    fn a_file_that_hides_its_size_is_refused_d4() {
        let file = File::open("/proc/self/environ").unwrap();
        assert!(matches!(regular(file, 1 << 20), Err(Refusal::Changed)));
    }
}
