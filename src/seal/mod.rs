//! Sealing: from a certificate, a key and a plaintext to the bytes that only the controller can open.
//!
//! Receives certificates, keys, places and plaintexts as bytes; gives back ciphertexts, key ids and
//! tags. It never opens a file, asks for the time or draws randomness: equal input, equal bytes.
//!
//! ```text
//! key.rs, data keys -> derive.rs -> Keys -> envelope.rs -> u16 || RSA-OAEP || AES-256-GCM
//!                      certificate.rs ----> oaep.rs ----^                    |
//!                      montgomery.rs <------^    private.rs <-- the way back --+
//! ```

pub mod certificate;
pub mod derive;
pub mod envelope;
pub mod fields;
pub mod key;
pub mod mark;
mod montgomery;
pub mod oaep;
pub mod private;
pub mod suffix;

pub use crate::model::Scope;
pub use certificate::{Certificate, Validity};
pub use derive::{Material, Origin, Place, origin};
pub use envelope::{Keys, may_be_for, measure, seal};
pub use key::{Demo, SealingKey};
pub use mark::{Tagged, checksum};
pub use private::{Opened, PrivateKey};
pub use suffix::suffix;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod vectors;
