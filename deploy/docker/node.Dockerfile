# The machine of the workers: the pod, which holds its network, and the node, which holds containerd.
#
# Debian takes older versions of a package off its mirrors, so what is pinned is the version without its patches.
ARG DEBIAN=debian:13.7-slim

# Two packages that hardly ever change, so that a new node does not make a new pod.
FROM ${DEBIAN} AS pod
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends iproute2=6.15.* tini=0.19.* \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/* /var/cache/ldconfig/* /var/log/apt /var/log/*.log
RUN mkdir -p /run/netns
COPY --chmod=755 deploy/docker/port-keeper /usr/local/bin/port-keeper
# Whether the keeper takes connections.
HEALTHCHECK --interval=5s --timeout=5s --start-period=10s --retries=3 CMD ["perl", "-MSocket", "-e", \
    "socket S, AF_UNIX, SOCK_STREAM, 0 and connect S, pack_sockaddr_un(qq(\\0esb-port)) or die qq(no keeper: $!\\n)"]
# A gateway that does not come back within a minute has refused connections, as a port that nobody keeps.
ENTRYPOINT ["/usr/bin/tini", "--", "port-keeper", "esb-port", "60"]

FROM ${DEBIAN} AS node
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends containerd=1.7.* runc=1.1.* \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/* /var/cache/ldconfig/* /var/log/apt /var/log/*.log
COPY deploy/docker/containerd.toml /etc/containerd/config.toml
COPY --chmod=755 deploy/docker/node-start /usr/local/bin/node-start
# Workers' network namespaces are mounted in the pod, which outlives this container.
RUN mkdir -p /run/containerd /run/esb /var/lib/containerd /var/lib/esb && ln -s /proc/1/root/run/netns /run/netns
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s --retries=3 \
    CMD ["ctr", "--connect-timeout", "3s", "version"]
ENTRYPOINT ["/usr/local/bin/node-start"]
