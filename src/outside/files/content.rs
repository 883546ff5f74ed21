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
    let size = usize::try_from(before.len())
        .ok()
        .filter(|size| *size <= limit)
        .ok_or(Refusal::TooLarge(limit))?;
    let mut bytes = Zeroizing::new(vec![0; size]);
    let mut beyond = Zeroizing::new([0]);
    // Files of /proc say that they are empty and are not: they end here as well
    if fill(&mut file, &mut bytes)? != size || fill(&mut file, beyond.as_mut_slice())? != 0 {
        return Err(Refusal::Changed);
    }
    let after = checked(&file)?;
    if (before.len(), before.mtime(), before.mtime_nsec())
        != (after.len(), after.mtime(), after.mtime_nsec())
    {
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
pub(in crate::outside) fn stream(
    reader: &mut impl Read,
    limit: usize,
) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let mut chunks = Vec::new();
    let mut total = 0;
    loop {
        let mut chunk = Zeroizing::new(vec![0; CHUNK]);
        let count = fill(reader, &mut chunk)?;
        total += count;
        if total > limit {
            return Err(Refusal::TooLarge(limit));
        }
        chunks.push((chunk, count));
        if count < CHUNK {
            break;
        }
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(total));
    for (chunk, count) in chunks {
        bytes.extend_from_slice(chunk.get(..count).unwrap_or_default());
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
