# The one binary. Postgres is not inside: DATABASE_URL says where it is.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# Statements are checked against .sqlx, so that no database is needed here.
ENV SQLX_OFFLINE=true
RUN cargo build --release --locked --bin eventcenter

FROM debian:bookworm-slim
# The roots of trust for push services and mail servers.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /src/target/release/eventcenter /usr/local/bin/eventcenter
USER 65532:65532
EXPOSE 8080
# No HEALTHCHECK: the orchestrator asks /healthz and /readyz, and this image has no HTTP client to ask with.
ENTRYPOINT ["eventcenter"]
CMD ["serve", "--listen", "0.0.0.0:8080"]
