//! Every bound in one table, with its reason. No number of this kind stands elsewhere.

/// Bytes of all manifests of one run: Argo CD's gRPC default is 100 MB.
pub const INPUT: usize = 100 << 20;

/// Bytes of all manifests of one run below which one thread is done before a second one would have started.
pub const ALONE: usize = 4 << 10;

/// Bytes of one scalar: nothing that etcd would store is larger (its request limit is 1.5 MiB).
pub const SCALAR: usize = 16 << 20;

/// Nesting of one document: the deepest published custom resource definition has 46 levels.
pub const DEPTH: usize = 128;

/// Nodes of one document after aliases are followed: a 300,000-key ConfigMap is legitimate.
pub const NODES: usize = 4_000_000;

/// Places that aliases may add, in all objects together, to those that are compared: a chart that uses them has hundreds.
pub const ALIASED: usize = 200_000;

/// Links that are followed one after the other, as in Linux.
pub const LINKS: usize = 40;

/// Bytes of a file of values or of an encrypted file, as in Flux.
pub const FILE: usize = 5 << 20;

/// Bytes of a baseline: a finding has some hundreds.
pub const BASELINE: usize = 50 << 20;

/// Bytes of all that a check unpacks in one run: releases of Helm have a few hundred thousand each.
pub const UNPACKED: usize = 64 << 20;

/// Recipients of an age file: each is tried with each identity.
pub const AGE_RECIPIENTS: usize = 1000;

/// The work of trying one passphrase, as age counts it: 2^22 rounds take some seconds, and 4 GiB.
pub const AGE_WORK: u8 = 22;

/// Places that one rule of a project's own is told of in an object: whoever has corrected so many runs it again.
pub const MATCHES: usize = 100;

/// Bytes of a compiled pattern of a project's own: those of gitleaks take up to a few hundred thousand.
pub const PATTERN: usize = 8 << 20;

/// Bytes of a settings file, a key or a certificate.
pub const SETTINGS: usize = 1 << 20;

/// Bytes of all values of one Secret: `MaxSecretSize` in the Kubernetes API.
pub const SECRET: usize = 1 << 20;

/// Bytes of all annotations of one object: `TotalAnnotationSizeLimitB` in the Kubernetes API.
pub const ANNOTATIONS: usize = 256 << 10;

/// Characters of a key of a Secret, and of the name of an object: DNS-1123 subdomains.
pub const NAME: usize = 253;

/// Characters of one message: Argo CD shows a few hundred beside the command line.
pub const MESSAGE: usize = 400;

/// Errors told in one run; the rest are counted.
pub const TOLD: usize = 20;

/// Rows of a table in a comment: GitHub takes 65,536 characters, and nobody reads more.
pub const ROWS: usize = 50;

/// Bytes of lists in a comment, which is a little less than GitHub takes: headlines come on top.
pub const COMMENT: usize = 60_000;

/// Bytes of the path of a reference: longer than any backend's limit (AWS: 2,048).
pub const PATH: usize = 2048;

/// Bits of a sealing certificate's RSA key: less is weak, more is a way to stall us.
pub const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// Days before the end of a sealing certificate from which on it is called old.
pub const CERTIFICATE_DAYS: i64 = 30;

/// Levels of `extends:` in settings: more is a circle or a labyrinth.
pub const EXTENDS: usize = 8;

/// Levels of lists in lists in a stream (`kind: List` whose items are lists).
pub const LISTS: usize = 16;

/// Seconds that another program may take: kubectl on a slow disk starts within two or three.
pub const PROGRAM_SECONDS: u64 = 10;

/// Seconds of one run in Argo CD, unless the operator says otherwise: its own deadline is 60, and tells nobody why.
pub const RUN_SECONDS: u64 = 55;

/// Bytes of each stream of another program that are read: versions and probes have a few hundred.
pub const PRINTED: usize = 1 << 20;

/// Values shorter than this are not searched for in the output: `1` and `no` stand everywhere.
pub const WATCHED: usize = 6;

/// Bytes of a server's answer: a Secret holds 1 MiB, and base64 in JSON makes a third more of it.
pub const REPLY: usize = 2 << 20;

/// Bytes of the headers of an answer: browsers and proxies send a few thousand at most.
pub const HEADERS: usize = 64 << 10;

/// Pages of a list: those of AWS have ten entries, so that these are more than a Secret of 1 MiB has keys in practice.
pub const PAGES: usize = 500;

/// Objects on one page of a list of a cluster: a ClusterRole has some thousand bytes, as a sealing key of RSA-8192 has with
/// all that the API server says beside it, and a page of them stays far below [`REPLY`].
pub const PAGE: usize = 50;

/// Questions to a cluster about what is allowed: some seconds' worth.
pub const REVIEWS: usize = 500;

/// Requests under way at once: a server is shared with hundreds of other renders.
pub const AT_ONCE: usize = 8;

/// How often a request is made that a server or the network does not answer.
pub const ATTEMPTS: u32 = 3;

/// Milliseconds until a connection stands, name resolution and TLS included.
pub const CONNECT: u64 = 3_000;

/// Milliseconds until an answer begins.
pub const FIRST_BYTE: u64 = 5_000;

/// Milliseconds until it has ended.
pub const ANSWER: u64 = 10_000;

/// Milliseconds of one run that are spent on servers: Argo CD gives a plug-in 60 seconds.
pub const NETWORK: u64 = 45_000;

/// Milliseconds of the longest pause before the second attempt; it doubles before each further one.
pub const PAUSE: u64 = 400;

/// Bytes of the token that a login gives: those of Vault and OpenBao have a hundred, or a few hundred.
pub const TOKEN: usize = 2000;
