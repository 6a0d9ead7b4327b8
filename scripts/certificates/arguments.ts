import { isIP } from "node:net";
import { parseArgs } from "node:util";
import type { Role } from "../../common/agent-tls/roles.ts";
import type { Owner } from "./make.ts";

export const usage = `usage: certificates.ts [options] <folder>
  --host <name or address>   by which the agent is reached, beside the loopback ones; can be repeated
  --owner <role>=<uid>:<gid> whose the files of agent, gateway or operator are to be; can be repeated
  --rotate                   makes a new authority; the former one stays trusted for seven days
  --drop-former              former authorities are trusted no more from now on
  --settle-ms <number>       time for running processes to read the files (5000)`;

/** Not this machine's own name: a container has another one each time, and each would ask for a new certificate. */
const loopback = ["localhost", "127.0.0.1", "::1"];

export interface Arguments {
  readonly folder: string;
  readonly hosts: readonly string[];
  readonly owners: Partial<Record<Role, Owner>>;
  readonly rotate: boolean;
  readonly dropFormer: boolean;
  readonly settleMs: number;
}

/** @throws Error with the usage when they are not right */
export function readArguments(args: readonly string[]): Arguments {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      host: { type: "string", multiple: true, default: [] },
      owner: { type: "string", multiple: true, default: [] },
      rotate: { type: "boolean", default: false },
      "drop-former": { type: "boolean", default: false },
      "settle-ms": { type: "string", default: "5000" },
    },
  });
  const [folder, ...more] = positionals;
  if (folder === undefined || more.length > 0 || !/^\d{1,6}$/.test(values["settle-ms"])) throw new Error(usage);
  const wrong = values.host.find((host) => !isHost(host));
  if (wrong !== undefined) throw new Error(`--host ${wrong}: must be a host name or an IP address`);
  return {
    folder,
    hosts: [...new Set([...loopback, ...values.host])],
    owners: Object.fromEntries(values.owner.map(readOwner)),
    rotate: values.rotate,
    dropFormer: values["drop-former"],
    settleMs: Number(values["settle-ms"]),
  };
}

function readOwner(text: string): [string, Owner] {
  const [, role, uid, gid] = /^(agent|gateway|operator)=(\d{1,10}):(\d{1,10})$/.exec(text) ?? [];
  if (role === undefined) throw new Error(`--owner ${text}: must be such as gateway=1000:1000`);
  return [role, { uid: Number(uid), gid: Number(gid) }];
}

function isHost(text: string): boolean {
  return isIP(text) !== 0 || /^(?!-)[A-Za-z0-9_.-]{1,253}$/.test(text);
}
