//! From the master keys of files to their data keys: what we hold opens most of them at once, and services are asked for
//! the rest.

use rayon::prelude::*;
use zeroize::Zeroizing;

use super::document::Document;
use super::metadata::{Holder, Share};
use super::{groups, search};
use crate::error::{Exit, Problem};
use crate::model::{Ask, DataKey, Wire, Wrapped};

/// A part of a data key, or all of it.
type Part = Zeroizing<Vec<u8>>;

/// The data key of each file.
///
/// # Errors
/// For each file that nothing opens: who could, and why something that was given could not.
pub fn open(files: &[&Document], wire: &mut dyn Wire) -> Vec<Result<DataKey, Problem>> {
    let held = search::held(files, wire);
    let order = order(files, wire);
    let mut files: Vec<File> = files.par_iter().map(|file| File::new(file, &held, &order)).collect();
    while !files.iter().all(File::is_settled) {
        let (askers, asks): (Vec<(usize, usize)>, Vec<Ask>) = files
            .iter_mut()
            .enumerate()
            .filter(|(_, file)| !file.is_settled())
            .flat_map(|(number, file)| file.asks().into_iter().map(move |(group, ask)| ((number, group), ask)))
            .unzip();
        for ((number, group), reply) in askers.into_iter().zip(wire.ask_all(asks)) {
            let group = files.get_mut(number).and_then(|file| file.groups.get_mut(group));
            match (group, reply) {
                (Some(group), Ok(reply)) => group.part = Some(reply.bytes),
                (Some(group), Err(problem)) => group.problem = Some(problem),
                (None, _) => {}
            }
        }
    }
    files.iter().map(|file| file.key(&held)).collect()
}

/// The kinds of keys in the order in which somebody wants services to be asked; those that he leaves out come last, as
/// they stand in the file. What we hold ourselves opens a file before anybody is asked.
fn order(files: &[&Document], wire: &mut dyn Wire) -> Vec<String> {
    let is_service = |share: &Share| matches!(share.holder, Holder::Service(_));
    if !files.iter().flat_map(|file| file.groups()).flatten().any(is_service) {
        return vec![];
    }
    let said = wire.ask(Ask::Setting("SOPS_DECRYPTION_ORDER")).map(|reply| reply.bytes).unwrap_or_default();
    String::from_utf8_lossy(&said).split(',').map(|kind| kind.trim().to_owned()).collect()
}

/// How far a file has come.
struct File<'f> {
    document: &'f Document,
    groups: Vec<Group<'f>>,
}

struct Group<'f> {
    part: Option<Part>,
    /// Keys of services that were not asked yet.
    services: std::vec::IntoIter<&'f Share>,
    /// The last answer that was none.
    problem: Option<Problem>,
}

impl<'f> File<'f> {
    fn new(document: &'f Document, held: &search::Held, order: &[String]) -> Self {
        let rank = |share: &&Share| order.iter().position(|kind| kind == share.holder.kind()).unwrap_or(order.len());
        let group = |shares: &'f Vec<Share>| {
            let mut problem = None;
            let part = shares.iter().find_map(|share| held.open(share, &mut problem));
            let services = shares.iter().filter(|share| matches!(share.holder, Holder::Service(_)));
            let mut services: Vec<&Share> = services.collect();
            services.sort_by_key(rank);
            Group { part, services: services.into_iter(), problem }
        };
        Self { document, groups: document.groups().iter().map(group).collect() }
    }

    /// True where it is open, or nobody is left who could be asked.
    fn is_settled(&self) -> bool {
        let open = self.groups.iter().filter(|group| group.part.is_some()).count();
        let waits = |group: &Group| group.part.is_none() && !group.services.as_slice().is_empty();
        open >= self.document.metadata.threshold || !self.groups.iter().any(waits)
    }

    /// The next service of each group that is still closed.
    fn asks(&mut self) -> Vec<(usize, Ask)> {
        let closed = self.groups.iter_mut().enumerate().filter(|(_, group)| group.part.is_none());
        let next = closed.filter_map(|(number, group)| Some((number, group.services.next()?)));
        let ask = |(number, share): (usize, &Share)| match &share.holder {
            Holder::Service(key) => {
                let wrapped = Wrapped { key: key.clone(), ciphertext: share.sealed.clone() };
                Some((number, Ask::Unwrap(wrapped)))
            }
            _ => None,
        };
        next.filter_map(ask).collect()
    }

    fn key(&self, held: &search::Held) -> Result<DataKey, Problem> {
        let parts: Vec<&[u8]> =
            self.groups.iter().filter_map(|group| group.part.as_ref()).map(|p| p.as_slice()).collect();
        if parts.len() < self.document.metadata.threshold {
            return Err(self.closed(held));
        }
        let key = match (self.groups.len(), parts.as_slice()) {
            (1, [key]) => <[u8; 32]>::try_from(*key).ok().map(Zeroizing::new),
            _ => groups::combine(&parts),
        };
        key.ok_or_else(|| Problem::new("the data key of the file is damaged").hint("take the file from its history"))
    }

    /// The answer of a service says more than we could.
    fn closed(&self, held: &search::Held) -> Problem {
        let problems =
            self.groups.iter().filter(|group| group.part.is_none()).filter_map(|group| group.problem.as_ref());
        if let Some(problem) = problems.max_by_key(|problem| problem.code()) {
            return problem.clone();
        }
        let holders = self.groups.iter().zip(self.document.groups()).filter(|(group, _)| group.part.is_none());
        let names: Vec<String> =
            holders.flat_map(|(_, shares)| shares).take(TOLD).map(|share| share.holder.told()).collect();
        Problem::new(format!("no key at hand opens the file; it is encrypted for {}", names.join(", ")))
            .hint(held.advice())
            .exit(Exit::Failed)
    }
}

/// Holders that a message names.
const TOLD: usize = 4;
