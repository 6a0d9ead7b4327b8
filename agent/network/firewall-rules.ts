/** What the firewall protects; a pure description, so that the rules can be read and tested as text. */
export interface FirewallPlan {
  readonly network: string;
  readonly bridge: string;
  readonly subnet: string;
  /** Name servers of the workers that are addresses of the host itself. */
  readonly hostNameServers: readonly string[];
  /** The host's own address on the bridge, and its TCP ports that are open to workers. */
  readonly host: string;
  readonly openPorts: readonly number[];
  /** Addresses of this machine at which workers are invoked, as `254.0.0.0/8`. */
  readonly invocations: string;
  /** How many connections out of the machine the kernel may track for each worker; undefined: as many as it likes. */
  readonly connectionsPerWorker: number | undefined;
}

interface Chain {
  readonly table: "mangle" | "filter" | "nat";
  readonly parent: "FORWARD" | "INPUT" | "POSTROUTING";
  readonly name: string;
  readonly rules: (plan: FirewallPlan) => string[];
}

/** Our chains; iptables allows 28 characters, of which a network's name takes ten at most. */
function chainsOf(network: string): readonly Chain[] {
  return [
    { table: "mangle", parent: "FORWARD", name: `ESB-${network}-TO`, rules: rulesTowardsWorkers },
    { table: "filter", parent: "FORWARD", name: `ESB-${network}-FWD`, rules: forwardRules },
    { table: "filter", parent: "INPUT", name: `ESB-${network}-IN`, rules: inputRules },
    { table: "nat", parent: "POSTROUTING", name: `ESB-${network}-NAT`, rules: masqueradeRules },
  ];
}

/**
 * Input of `iptables-restore --noflush` that makes our chains what they should be, whatever they were, with one jump
 * to each at the head of its parent.
 * @param saved output of iptables-save
 */
export function installRules(plan: FirewallPlan, saved: string): string {
  return tables(plan.network, (chain) => [
    // Declaring a chain creates or empties it.
    `:${chain.name} - [0:0]`,
    ...jumpsTo(chain, saved).map(asDeletion),
    ...chain.rules(plan).map((rule) => `-A ${chain.name} -m comment --comment esb ${rule}`),
    `-I ${chain.parent} 1 -m comment --comment esb -j ${chain.name}`,
  ]);
}

/** Input of `iptables-restore --noflush` that removes every trace of us; empty when there is none. */
export function removeRules(network: string, saved: string): string {
  return tables(network, (chain) => {
    if (!saved.split("\n").some((line) => line.startsWith(`:${chain.name} `))) return [];
    return [...jumpsTo(chain, saved).map(asDeletion), `-F ${chain.name}`, `-X ${chain.name}`];
  });
}

/**
 * Nobody but the host opens connections to workers. In the table that comes before `filter`, where the workers of a
 * second esb on this machine, or whoever else is let out by a rule ahead of ours, would be accepted first.
 */
function rulesTowardsWorkers({ bridge }: FirewallPlan): string[] {
  return [`-o ${bridge} -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN`, `-o ${bridge} -j DROP`];
}

/**
 * The host reaches workers through OUTPUT, which is left alone; this is what crosses the host. A worker's identity
 * address is the host's business alone, so its own subnet is all that a worker may send from. What is refused for its
 * connections' number is not tracked: the kernel's table is one for the whole machine, and one UDP socket could fill it.
 */
function forwardRules(plan: FirewallPlan): string[] {
  const { bridge, subnet } = plan;
  return [
    `-i ${bridge} -o ${bridge} -j DROP`,
    `-i ${bridge} ! -s ${subnet} -j DROP`,
    ...limited(`-i ${bridge}`, plan),
    `-i ${bridge} -j ACCEPT`,
    `-o ${bridge} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
  ];
}

/**
 * Workers answer the host; they open nothing towards it but name service, where the host gives that, and Lambda's API
 * of their gateway and the Runtime API, which are known to listen on the bridge's own address only. Where workers are
 * invoked, nobody comes from outside of this machine.
 */
function inputRules(plan: FirewallPlan): string[] {
  const { bridge, subnet, hostNameServers, host, openPorts, invocations } = plan;
  return [
    `! -i lo -d ${invocations} -j DROP`,
    `-i ${bridge} -m conntrack --ctstate ESTABLISHED --ctdir REPLY -j ACCEPT`,
    `-i ${bridge} -p icmp -m conntrack --ctstate RELATED -j ACCEPT`,
    ...hostNameServers.flatMap((address) =>
      ["udp", "tcp"].map((protocol) => `-i ${bridge} -d ${address} -p ${protocol} --dport 53 -j ACCEPT`),
    ),
    ...openPorts.flatMap((port) => {
      const api = `-i ${bridge} -s ${subnet} -d ${host} -p tcp --dport ${port}`;
      return [...limited(api, plan), `${api} -j ACCEPT`];
    }),
    `-i ${bridge} -j DROP`,
  ];
}

/** Refuses what would be one connection too many of a worker's. */
function limited(what: string, { connectionsPerWorker: most }: FirewallPlan): string[] {
  if (most === undefined) return [];
  const limit = `-m connlimit --connlimit-above ${most} --connlimit-mask 32 --connlimit-saddr`;
  return [`${what} -m conntrack --ctstate NEW ${limit} -j DROP`];
}

/** By interface, not by destination: what the host sends to workers' identity addresses has an address of the subnet. */
function masqueradeRules({ bridge, subnet }: FirewallPlan): string[] {
  return [`-s ${subnet} ! -o ${bridge} -j MASQUERADE`];
}

/** What iptables-save says of our chains, so that two moments can be compared. */
export function ownLines(network: string, saved: string): string {
  const names = chainsOf(network).map((chain) => chain.name);
  const isOwn = (line: string) => names.some((name) => line.split(/[ :]/).includes(name));
  return saved
    .split("\n")
    .filter(isOwn)
    .map((line) => line.replace(/ \[\d+:\d+\]$/, ""))
    .join("\n");
}

function tables(network: string, linesOf: (chain: Chain) => string[]): string {
  return (["mangle", "filter", "nat"] as const)
    .map((table) => {
      const lines = chainsOf(network)
        .filter((chain) => chain.table === table)
        .flatMap(linesOf);
      return lines.length === 0 ? "" : `*${table}\n${lines.join("\n")}\nCOMMIT\n`;
    })
    .join("");
}

function jumpsTo(chain: Chain, saved: string): string[] {
  return saved.split("\n").filter((line) => line.startsWith("-A ") && line.trimEnd().endsWith(` -j ${chain.name}`));
}

function asDeletion(rule: string): string {
  return rule.replace(/^-A /, "-D ");
}
