//! What is written on an object while a builder still works on its name.

/// kustomize asks for a hash behind the name: `enabled`.
pub const HASHED: &str = "internal.config.kubernetes.io/needsHashSuffix";
/// What kustomize leaves out in the end: `true`.
pub const LOCAL: &str = "config.kubernetes.io/local-config";
/// Group and kind of what stands among the resources until sealref has run.
pub const GUARD: (&str, &str) = ("sealref.dev", "Guard");
/// What Flux prints in place of an encrypted value: in `data`, in `stringData`, and for a registry's credentials
/// (`internal/build` of fluxcd/flux2).
const MASKS: [&str; 3] = [MASK, "KipTT1BTKio=", r#"{"mask":"**SOPS**"}"#];

/// What stands in each of them, but for base64.
pub const MASK: &str = "**SOPS**";

/// Does Flux print this in place of an encrypted value?
#[must_use]
pub fn is_mask(text: &str) -> bool {
    MASKS.contains(&text)
}
/// What we leave for kustomize to see: `blank`, or `full` and what we put behind the name.
pub const SHADOW: &str = "sealref.dev/shadow";
