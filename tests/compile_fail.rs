//! Programs that forget a check, or show a value, do not compile.
//!
//! What the compiler says of each stands beside it; `TRYBUILD=overwrite cargo test --test compile_fail`
//! writes that anew.

use sealref::error::Problems;
use sealref::model::{Plan, Secret, Stream};
use sealref::seal::Keys;
use sealref::settings::Allowed;
use sealref::steps::check::Checked;

#[test]
fn forgetting_a_check_does_not_compile() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/compile_fail/*.rs");
}

/// The other side of the same coin: with the proof in hand it compiles, so that the programs above fail
/// for the reason that they are meant to.
#[test]
fn with_the_proof_in_hand_it_compiles() {
    fn takes_judged_plans(plan: &Allowed<Plan>) -> usize {
        plan.provisions.len()
    }
    fn takes_what_was_checked(stream: &Stream, checked: Checked) -> Result<usize, Problems> {
        sealref::steps::write::write(stream, checked).map(|outputs| outputs.len())
    }
    fn spends(secret: Secret) -> usize {
        secret.spend(<[u8]>::len)
    }
    fn seals(certificate: &sealref::seal::Certificate, keys: Keys) -> Vec<u8> {
        sealref::seal::seal(certificate, keys, b"label", b"one")
    }
    let _ = (takes_judged_plans, takes_what_was_checked, spends, seals);
}
