/** Kinds of traces (see tracesOf) of which each worker has one, or one in each cgroup hierarchy, and nobody else any. */
const ofWorkers = ["container", "task", "snapshot", "shim", "bundle", "runc state", "cgroup", "log"] as const;
/** Kinds of which each worker and each network that waits in the pool has one. */
const ofNetworks = ["network namespace", "bridge port", "address", "attachment record"] as const;

/**
 * Where what is on the machine is not what the workers need: a sentence each.
 * @param workers ids of the workers that the agent tells
 * @param traces lines of tracesOf
 * @param poolSize networks that may wait for workers
 */
export function discrepancies(workers: readonly string[], traces: readonly string[], poolSize: number): string[] {
  const byKind = Map.groupBy(traces, (line) => line.slice(0, line.indexOf(": ")));
  const items = (kind: string) => (byKind.get(kind) ?? []).map((line) => line.slice(kind.length + 2));
  const found = ofWorkers.flatMap((kind) => {
    const present = new Set(items(kind).map(nameOf));
    return [
      ...[...present].filter((name) => !workers.includes(name)).map((name) => `${kind} of no worker: ${name}`),
      ...workers.filter((id) => !present.has(id)).map((id) => `worker ${id} has no ${kind}`),
    ];
  });
  const counted = ofNetworks.flatMap((kind) => {
    const count = items(kind).length;
    const fits = count >= workers.length && count <= workers.length + poolSize;
    return fits ? [] : [`${kind}: ${count} for ${workers.length} workers and a pool of ${poolSize}`];
  });
  return [...found, ...counted];
}

/**
 * Where those whom the Runtime API is served to are not the workers that it drives: a sentence each.
 * @param workers instances of the workers that the agent tells
 * @param admitted instances that the process which serves it knows
 */
export function misadmissions(workers: readonly string[], admitted: readonly string[]): string[] {
  return [
    ...admitted
      .filter((one) => !workers.includes(one))
      .map((one) => `admitted to the Runtime API, of no worker: ${one}`),
    ...workers.filter((one) => !admitted.includes(one)).map((one) => `worker not admitted to the Runtime API: ${one}`),
  ];
}

/** Of `a-0   sha256:… Active`, `/sys/fs/cgroup/cpu/ns/a-0` and `a-0.log.1` alike: `a-0`. */
function nameOf(item: string): string {
  const [first = ""] = item.split(/\s/);
  const [name = ""] = (first.split("/").at(-1) ?? "").split(".");
  return name;
}
