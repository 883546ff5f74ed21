//! The keys of a value, derived from a secret and everything that tells the value's place.
//!
//! Receives K and the data keys of SOPS files, a place and a plaintext; gives back the keys of one
//! seal, the id of the secret, and keyed tags. It never derives anything from a plaintext alone, and
//! equal keys come only from equal input, so the zero nonce of the format never meets two values.
//! The construction is version 1 and never changes; `tests/vectors/sealing` has its vectors.

use zeroize::Zeroizing;

use super::envelope::Keys;
use super::fields::{Bytes32, authenticate, encode, expand};
use super::key::SealingKey;
use crate::model::Scope;

/// Where a value will stand and where it comes from. Texts are UTF-8 without NUL.
pub struct Place<'a> {
    /// The scope of the SealedSecret.
    pub scope: Scope,
    /// As written in the output's metadata, empty where absent.
    pub namespace: &'a str,
    /// The final name, as written in the output's metadata.
    pub name: &'a str,
    /// The key of `encryptedData`.
    pub item: &'a str,
    /// A text of the settings that reshuffles every ciphertext when it is changed.
    pub epoch: &'a str,
    /// The grant's domain, empty without a policy.
    pub domain: &'a str,
    /// What [`origin`] gives, empty for a value that comes from no reference.
    pub origin: &'a [u8],
}

/// One reference that a value is made of.
pub struct Origin<'a> {
    /// Without `ref+` and `://`: `vault`.
    pub scheme: &'a str,
    /// The normalised path.
    pub path: &'a str,
    /// The property without its leading slash, empty where there is none.
    pub fragment: &'a str,
    /// `name=value` texts, in any order.
    pub parameters: Vec<String>,
    /// For age files alone: the SHA-256 of the file.
    pub file: Option<[u8; 32]>,
}

/// F over the references of a value, in the order in which they stand in it.
///
/// Each is itself F(scheme, path, fragment, parameters in ascending order of their bytes, and then
/// the file's hash if there is one); the result is F of those. Empty where there is no reference.
#[must_use]
pub fn origin(references: &[Origin]) -> Vec<u8> {
    let encoded: Vec<Vec<u8>> = references.iter().map(Origin::encode).collect();
    encode(encoded.iter().map(Vec::as_slice))
}

impl Origin<'_> {
    fn encode(&self) -> Vec<u8> {
        let mut parameters: Vec<&[u8]> = self.parameters.iter().map(String::as_bytes).collect();
        parameters.sort_unstable();
        let texts = [self.scheme, self.path, self.fragment].map(str::as_bytes);
        let file = self.file.as_ref().map(<[u8; 32]>::as_slice);
        encode(texts.into_iter().chain(parameters).chain(file))
    }
}

/// Three keys from one secret: for seals, for tags, for naming the secret itself.
///
/// Wiped when dropped, and never printed, compared or copied.
pub struct Material {
    seals: Zeroizing<Bytes32>,
    tags: Zeroizing<Bytes32>,
    identity: Zeroizing<Bytes32>,
}

impl Material {
    /// From K, the data keys of the SOPS files that feed the item, or both. The data keys come in
    /// any order and may repeat. None where there is neither.
    #[must_use]
    pub fn new(key: Option<&SealingKey>, data_keys: &[&[u8]]) -> Option<Self> {
        let mut data_keys = data_keys.to_vec();
        data_keys.sort_unstable();
        data_keys.dedup();
        if key.is_none() && data_keys.is_empty() {
            return None;
        }
        let key = key.map_or(&[][..], |key| key.0.as_slice());
        let secrets = [IKM.as_bytes(), key].into_iter().chain(data_keys);
        // HKDF-Extract (RFC 5869, 2.2) is HMAC(salt, input)
        let extracted = authenticate(SEAL.as_bytes(), secrets);
        Some(Self {
            seals: expand(&*extracted, SEAL),
            tags: expand(&*extracted, TAG),
            identity: expand(&*extracted, ID),
        })
    }

    /// Names the secret within a domain without telling it: 16 hexadecimal digits.
    #[must_use]
    pub fn key_id(&self, domain: &str) -> String {
        let id = authenticate(&*self.identity, [ID.as_bytes(), domain.as_bytes()]);
        super::certificate::hex(id.first_chunk::<8>().map_or(&[], |id| id))
    }

    /// The keys of one seal. `spki` is [`super::Certificate::spki`]; `plaintext` are the final,
    /// decoded bytes of the value.
    #[must_use]
    pub fn keys(&self, spki: &[u8; 32], place: &Place, plaintext: &[u8]) -> Keys {
        let digest = self.digest(spki, place, plaintext);
        Keys { session: expand(&*digest, "session key"), seed: expand(&*digest, "oaep seed") }
    }

    /// A keyed hash of a value at its place, for name suffixes and checksums. Neither certificate
    /// nor epoch is in it: a renewal restarts nothing. `name` is the base name, without suffix.
    #[must_use]
    pub fn tag(&self, domain: &str, namespace: &str, name: &str, item: &str, plaintext: &[u8]) -> [u8; 32] {
        let texts = [TAG, domain, namespace, name, item].map(str::as_bytes);
        *authenticate(&*self.tags, texts.into_iter().chain([plaintext]))
    }

    /// d: one number for everything that tells one value at one place from all others.
    pub(super) fn digest(&self, spki: &[u8; 32], place: &Place, plaintext: &[u8]) -> Zeroizing<Bytes32> {
        let label = place.scope.label(place.namespace, place.name);
        let fields = [
            SEAL.as_bytes(),
            spki,
            place.scope.name().as_bytes(),
            &label,
            place.namespace.as_bytes(),
            place.name.as_bytes(),
            place.item.as_bytes(),
            place.epoch.as_bytes(),
            place.domain.as_bytes(),
            place.origin,
            plaintext,
        ];
        authenticate(&*self.seals, fields)
    }
}

const IKM: &str = "sealref.dev/ikm/v1";
const SEAL: &str = "sealref.dev/seal/v1";
const TAG: &str = "sealref.dev/tag/v1";
const ID: &str = "sealref.dev/id/v1";

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::super::certificate::hex;
    use super::*;

    #[test]
    fn the_vector_of_the_design_comes_out() {
        let key: [u8; 32] = std::array::from_fn(|i| u8::try_from(i).unwrap());
        let (key, _) = SealingKey::read(&key).unwrap();
        let material = Material::new(Some(&key), &[]).unwrap();
        let place = Place {
            scope: Scope::Strict,
            namespace: "prod",
            name: "db",
            item: "password",
            epoch: "",
            domain: "",
            origin: &[],
        };
        let spki = Sha256::digest("spki").into();
        let digest = material.digest(&spki, &place, b"s3cret");
        let keys = material.keys(&spki, &place, b"s3cret");
        assert_eq!(hex(&*digest), "2462e9e0a88aa04c5e07225e1a89902d1b60b890fef4e5009a5f17fb58352250");
        assert_eq!(hex(&*keys.session), "023d1a0c3ea1e4236db9e9a4bfbe8f8ba1a3e856cd929e93f767b115f50e2b42");
        assert_eq!(hex(&*keys.seed), "84e5d055bf6ee39df2a600806f82c0229942815785bf7a9e7d5464ba70d447e2");
        assert_eq!(material.key_id(""), "aec74159c9ffd512");
    }
}
