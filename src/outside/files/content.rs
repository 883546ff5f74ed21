//! Bytes of an open file or stream.
//!
//! Receives a handle and a limit, gives back all bytes in one allocation of exactly their size, wiped on drop, or in memory
//! of their own, which the kernel takes back whole and clears. No copy is left in a buffer that had to grow.
#![expect(clippy::disallowed_types, reason = "reads from a handle")]

use std::{
    fs::{File, Metadata},
    io::{self, Read},
    ops::{Deref, Range},
    os::unix::fs::MetadataExt,
};

#[cfg(target_os = "linux")]
use memmap2::Advice;
use memmap2::MmapMut;
use rustix::io::Errno;
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

/// The bytes of a stream, whose length is only known at its end. They lie where they were read to, in memory of their own
/// that the kernel takes back whole, and clears.
pub struct Held {
    memory: MmapMut,
    length: usize,
}

impl Held {
    /// The same bytes for as long as the process runs.
    #[must_use]
    pub fn for_good(self) -> &'static [u8] {
        let length = self.length;
        Box::leak(Box::new(self.memory)).get(..length).unwrap_or_default()
    }
}

impl Deref for Held {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.memory.get(..self.length).unwrap_or_default()
    }
}

/// Reads a stream to its end, which is no further than the limit, and may be expected.
pub(in crate::outside) fn held(reader: &mut impl Read, expected: Option<usize>, limit: usize) -> Result<Held, Refusal> {
    let expected = expected.unwrap_or(0).min(limit);
    let mut memory = room(expected)?;
    prefer_large_pages(&memory, 0..expected);
    let mut length = fill(reader, &mut memory)?;
    if length == memory.len() {
        memory = larger(memory, limit)?;
        length += fill(reader, memory.get_mut(length..).unwrap_or_default())?;
    }
    let mut beyond = Zeroizing::new([0]);
    if length > limit {
        Err(Refusal::TooLarge(limit))
    } else if length == memory.len() && fill(reader, beyond.as_mut_slice())? != 0 {
        Err(Errno::NOMEM.into())
    } else {
        Ok(Held { memory, length })
    }
}

/// Addresses only: a page is taken when its first byte comes. One byte more at least, so that the end shows; less where
/// the process may not have as much.
fn room(size: usize) -> io::Result<MmapMut> {
    let mut pages = size / LARGE + 1;
    loop {
        match MmapMut::map_anon(pages * LARGE) {
            Err(_) if pages > 1 => pages /= 2,
            mapped => return mapped,
        }
    }
}

/// The same bytes with room for the most that may come, which not every process may have beside all else that it needs:
/// so it is not taken for little.
fn larger(memory: MmapMut, limit: usize) -> io::Result<MmapMut> {
    let mut larger = room(limit)?;
    let Some(start) = larger.get_mut(..memory.len()) else { return Ok(memory) };
    start.copy_from_slice(&memory);
    prefer_large_pages(&larger, memory.len()..limit);
    Ok(larger)
}

/// To take a page costs as much as to fill it, so what is large gets large ones, where the system has them.
#[cfg_attr(not(target_os = "linux"), expect(unused_variables, reason = "others have no such call"))]
fn prefer_large_pages(memory: &MmapMut, place: Range<usize>) {
    #[cfg(target_os = "linux")]
    let _ = memory.advise_range(Advice::HugePage, place.start, place.end.min(memory.len()).saturating_sub(place.start));
}

/// The same, as bytes that are wiped on drop.
pub(in crate::outside) fn stream(reader: &mut impl Read, limit: usize) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    held(reader, None, limit).map(|held| Zeroizing::new(held.to_vec()))
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

/// Bytes of a large page, on x86-64 and on ARM with small pages of 4 KiB.
const LARGE: usize = 2 << 20;

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
        assert_eq!(stream(&mut Drip(b"abc", false), 3).unwrap().as_slice(), b"abc");
        assert!(stream(&mut Drip(b"", false), 0).unwrap().is_empty());
    }

    #[test]
    fn a_stream_of_any_length_around_a_large_page_is_whole() {
        for length in [LARGE - 1, LARGE, LARGE + 1, 2 * LARGE, 2 * LARGE + 1] {
            let content: Vec<u8> = (0..=250).cycle().take(length).collect();
            for expected in [None, Some(0), Some(length - 1), Some(length), Some(length + 1), Some(usize::MAX)] {
                let read = |limit| held(&mut content.as_slice(), expected, limit);
                assert!(read(length).is_ok_and(|bytes| *bytes == *content));
                assert!(read(3 * LARGE).is_ok_and(|bytes| *bytes == *content));
                assert!(matches!(read(length - 1), Err(Refusal::TooLarge(_))));
            }
            let bytes = stream(&mut content.as_slice(), length).unwrap();
            assert_eq!((&*bytes, bytes.capacity()), (&content, length));
        }
    }

    #[test]
    fn a_stream_without_end_is_refused() {
        assert!(matches!(stream(&mut io::repeat(0), 1 << 20), Err(Refusal::TooLarge(_))));
    }

    #[test]
    fn a_file_that_hides_its_size_is_refused_d4() {
        let file = File::open("/proc/self/environ").unwrap();
        assert!(matches!(regular(file, 1 << 20), Err(Refusal::Changed)));
    }
}
