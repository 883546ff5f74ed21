# The image of the sidecar: a static binary, the plugin's declaration and the public certificate authorities. No shell.
FROM rust:1.95-alpine AS build
RUN apk add --no-cache build-base ca-certificates cmake perl
WORKDIR /source
COPY Cargo.toml Cargo.lock ./
# Cargo wants each target that Cargo.toml names to be there
COPY benches benches
COPY tests/compile_fail.rs tests/compile_fail.rs
COPY src src
RUN cargo build --release --locked --features full --bin sealref

FROM scratch
COPY --from=build /source/target/release/sealref /usr/local/bin/sealref
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY plugin.yaml /home/argocd/cmp-server/config/plugin.yaml
ENV PATH=/usr/local/bin
# As the repo-server, which must be able to connect to the plugin's socket
USER 999:999
ENTRYPOINT ["/usr/local/bin/sealref"]
