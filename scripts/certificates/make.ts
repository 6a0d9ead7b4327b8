import { chown, mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Role, roleName } from "../../common/agent-tls/roles.ts";
import { issueCertificate, type KeyPair, makeAuthority } from "../../common/certificates/authority.ts";
import { type Authority, bundleOf, firstAuthority, readAuthority, replaceAuthority } from "./authority-file.ts";
import { authorityDays, canStay, certificateDays, isAuthorityNearEnd, stillTrusted } from "./policy.ts";

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export interface MakeOptions {
  /** Gets the folders authority/, agent/, gateway/ and operator/. */
  readonly folder: string;
  /** Names and addresses by which the agent is reached. */
  readonly hosts: readonly string[];
  /** Whose the files of a role are to be; else they stay whose they are, and new ones belong to who runs this. */
  readonly owners: Partial<Record<Role, Owner>>;
  /** Whether a new authority takes over; the old one stays trusted for a while. */
  readonly rotate: boolean;
  /** Whether former authorities are trusted no more, however recent. */
  readonly dropFormer: boolean;
  /** Waits until running processes have read which authorities they trust. */
  readonly settle: () => Promise<void>;
  readonly nowMs: number;
  readonly tell: (sentence: string) => void;
}

const usages = { agent: "server", gateway: "client", operator: "client" } as const;
const roles = ["agent", "gateway", "operator"] as const satisfies readonly Role[];

/**
 * Makes what is missing or near its end, and leaves the rest: an authority, and of it a certificate for each role, with
 * `ca.pem`, `cert.pem` and `key.pem` in the role's folder. It may end at any point; the next run finishes. Everybody
 * trusts a new authority before anybody shows a certificate of it.
 */
export async function makeCertificates(options: MakeOptions): Promise<void> {
  const { folder, nowMs, tell } = options;
  await mkdir(join(folder, "authority"), { recursive: true, mode: 0o700 });
  const authority = await currentAuthority(join(folder, "authority", "authority.pem"), options);

  let trustChanged = false;
  const stale: { readonly role: Role; readonly hosts: readonly string[]; readonly existed: boolean }[] = [];
  for (const role of roles) {
    await mkdir(join(folder, role), { recursive: true });
    const hosts = role === "agent" ? [...new Set([...options.hosts, roleName(role)])] : [roleName(role)];
    const owner = options.owners[role];
    if (owner !== undefined) await giveTo(owner, join(folder, role));
    const present = await readPair(join(folder, role));
    if (present === undefined || !canStay(present, authority.certificate, { hosts }, nowMs)) {
      stale.push({ role, hosts, existed: present !== undefined });
    }
    if ((await readIfThere(join(folder, role, "ca.pem"))) === bundleOf(authority)) continue;
    await replace(join(folder, role, "ca.pem"), bundleOf(authority), 0o644, owner);
    trustChanged = true;
  }
  if (trustChanged && stale.some(({ existed }) => existed)) {
    tell("waiting until agent and gateway have read which authorities they trust");
    await options.settle();
  }
  for (const { role, hosts } of stale) {
    const names = { name: role, hosts, usages: [usages[role]] };
    const { certificate, key } = await issueCertificate(authority, { ...names, nowMs, days: certificateDays });
    // Who reads between the two has a key that does not fit, keeps what it has, and reads again.
    await replace(join(folder, role, "key.pem"), `${key.trim()}\n`, 0o600, options.owners[role]);
    await replace(join(folder, role, "cert.pem"), `${certificate.trim()}\n`, 0o644, options.owners[role]);
    tell(`made: the ${role}'s certificate, for ${hosts.join(", ")}`);
  }
  if (stale.length === 0 && !trustChanged) tell("unchanged: all certificates are valid for a year or more");
}

async function currentAuthority(path: string, options: MakeOptions): Promise<Authority> {
  const { nowMs, tell } = options;
  const make = () => makeAuthority({ name: "esb agent authority", nowMs, days: authorityDays });
  const present = await readAuthority(path);
  if (present === undefined) {
    const made = await firstAuthority(path, { ...(await make()), former: [] });
    tell("made: an authority");
    return made;
  }
  const former = options.dropFormer ? [] : stillTrusted(present.certificate, present.former, nowMs);
  if (options.rotate || isAuthorityNearEnd(present.certificate, nowMs)) {
    const next = { ...(await make()), former: [present.certificate, ...former] };
    await replaceAuthority(path, next);
    tell("made: a new authority; the former one is trusted for a while");
    return next;
  }
  if (former.length === present.former.length) return present;
  await replaceAuthority(path, { ...present, former });
  tell("the former authority is trusted no more");
  return { ...present, former };
}

async function readPair(folder: string): Promise<KeyPair | undefined> {
  const certificate = await readIfThere(join(folder, "cert.pem"));
  const key = await readIfThere(join(folder, "key.pem"));
  return certificate === undefined || key === undefined ? undefined : { certificate, key };
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** What is there already may be somebody else's, of another time. */
async function giveTo({ uid, gid }: Owner, folder: string): Promise<void> {
  for (const path of ["ca.pem", "cert.pem", "key.pem"].map((name) => join(folder, name))) {
    const found = await statIfThere(path);
    if (found !== undefined && (found.uid !== uid || found.gid !== gid)) await chown(path, uid, gid);
  }
}

function statIfThere(path: string): Promise<Owner | undefined> {
  return stat(path).catch(() => undefined);
}

/** The file appears as a whole, and is its owner's from the beginning. @param owner none: whose it was */
async function replace(path: string, text: string, mode: number, owner: Owner | undefined): Promise<void> {
  const unfinished = `${path}.part`;
  await writeFile(unfinished, text, { mode, flush: true });
  const made = await stat(unfinished);
  const { uid, gid } = owner ?? (await statIfThere(path)) ?? made;
  if (made.uid !== uid || made.gid !== gid) await chown(unfinished, uid, gid);
  await rename(unfinished, path);
}
