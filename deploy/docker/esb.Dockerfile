# esb itself: the agent, the gateway, and the example function with what imports it.
#
# Our code runs as it is written: Node strips the types, and no dependency is compiled, so what is installed is the same
# for every architecture.
ARG NODE=node:24.21.0-trixie-slim

FROM --platform=$BUILDPLATFORM ${NODE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund --loglevel=error && rm -rf /root/.npm

FROM ${NODE} AS base
# npm and yarn are of no use to a program that runs.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack \
        /usr/local/bin/yarn /usr/local/bin/yarnpkg /opt/yarn-*
# What Node makes of our code is kept, for each user apart: with it a start takes half as long.
ENV NODE_ENV=production NODE_COMPILE_CACHE=/var/cache/esb
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY package.json ./
COPY common common
COPY proto/gen proto/gen

# iptables and CNI plugins work on the pod's network from here; ip works in the pod, whose mounts network namespaces are.
FROM base AS agent
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends containernetworking-plugins=1.1.* iptables=1.8.* \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/* /var/cache/ldconfig/* /var/log/apt /var/log/*.log
RUN mkdir -p /run/containerd /run/esb /var/lib/esb && ln -s /proc/1/root/run/netns /run/netns
# Of the service runtime-api, which is this image as an ordinary user: a volume takes its owner over.
RUN install --directory --owner=1000 --group=1000 --mode=700 /run/esb-runtime-api
COPY --chmod=755 deploy/docker/ip-in-pod /usr/local/sbin/ip
COPY cni cni
COPY agent agent
COPY deploy/docker/agent-healthy.mjs /usr/local/bin/
RUN ["node", "--input-type=module", "--eval", "for (const part of ['compose', 'recovery/compose', 'server/secured', 'server/server', 'store/store', 'workers/service']) await import(`/app/agent/${part}.ts`)"]
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s --retries=3 CMD ["node", "/usr/local/bin/agent-healthy.mjs"]
ENTRYPOINT ["node", "agent/main.ts"]

FROM base AS gateway
# The user `node` of the base image. A volume that is mounted here for the first time takes its owner over.
RUN install --directory --owner=1000 --group=1000 --mode=700 /run/esb /secrets /var/lib/esb /var/cache/esb \
    && install --directory --owner=1000 --group=1000 /service-credentials
COPY gateway gateway
COPY deploy/functions.yml deploy/routing.yml deploy/
COPY scripts/make-secrets.ts scripts/certificates.ts scripts/
COPY scripts/secrets scripts/secrets
COPY scripts/certificates scripts/certificates
# Not below /app/deploy, where a folder of the host is mounted.
COPY deploy/docker/gateway-healthy.mjs /usr/local/bin/
RUN node scripts/certificates.ts /tmp/certificates && rm -r /tmp/certificates
USER 1000:1000
RUN mkdir /tmp/secrets && node scripts/make-secrets.ts /tmp/secrets && rm -r /tmp/secrets
RUN ["node", "--input-type=module", "--eval", "await import('/app/gateway/start.ts')"]
ENV ESB_GATEWAY_HOST=0.0.0.0
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s --retries=3 CMD ["node", "/usr/local/bin/gateway-healthy.mjs"]
ENTRYPOINT ["node", "gateway/main.ts"]

FROM base AS example-archive
COPY scripts/build-hello.ts scripts/
COPY scripts/image scripts/image
COPY deploy/functions deploy/functions
COPY deploy/runtimes deploy/runtimes
RUN node scripts/build-hello.ts

FROM base AS example
COPY scripts/import-image.ts scripts/
COPY scripts/up/agent.ts scripts/up/
COPY --from=example-archive /app/.cache/images/hello.tar hello.tar
USER 1000:1000
ENTRYPOINT ["node", "scripts/import-image.ts", "hello.tar"]
