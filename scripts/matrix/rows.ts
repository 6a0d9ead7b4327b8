/** One combination that the integration tests run on. */
export interface Row {
  readonly name: string;
  /** Debian release that containerd is taken from; undefined: the one that is installed. */
  readonly suite: string | undefined;
  /** Run where only the unified cgroup hierarchy is to be seen. */
  readonly unified: boolean;
}

export const rows: readonly Row[] = [
  { name: "installed", suite: undefined, unified: false },
  { name: "1.7", suite: "trixie", unified: false },
  { name: "2.x", suite: "sid", unified: false },
  { name: "installed-cgroup2", suite: undefined, unified: true },
  { name: "2.x-cgroup2", suite: "sid", unified: true },
];

/** Those whose names are listed, all without a list. @throws Error for a name that is none */
export function chooseRows(list: string | undefined): readonly Row[] {
  if (list === undefined) return rows;
  return list.split(",").map((name) => {
    const row = rows.find((candidate) => candidate.name === name);
    if (row === undefined) throw new Error(`${name} is none of ${rows.map((known) => known.name).join(", ")}`);
    return row;
  });
}

/**
 * A command line that runs another in a mount namespace of its own, where /sys/fs/cgroup is the unified hierarchy.
 * Hosts with both kinds have it at /sys/fs/cgroup/unified.
 */
export function withUnifiedCgroups(command: readonly string[]): string[] {
  const script = `
    if [ -e /sys/fs/cgroup/unified/cgroup.procs ]; then mount --bind /sys/fs/cgroup/unified /sys/fs/cgroup
    elif [ ! -e /sys/fs/cgroup/cgroup.procs ]; then mount -t cgroup2 cgroup2 /sys/fs/cgroup
    fi && exec "$@"`;
  return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", ...command];
}

/** The counts of the last line of `npm test`; undefined when it did not get that far. */
export function countsOf(output: string): string | undefined {
  const last = output.trimEnd().split("\n").at(-1) ?? "";
  return /^\d+ passed, \d+ failed, \d+ skipped$/.test(last) ? last : undefined;
}
