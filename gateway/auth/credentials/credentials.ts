import { hash } from "node:crypto";
import type { KnownPassword } from "../passwords/check.ts";
import type { PasswordHash } from "../passwords/hash.ts";

/** A key that clients send in `x-api-key`, known by its SHA-256 only. */
export interface ApiKey {
  readonly id: string;
  /** SHA-256 of the key, in lower-case hexadecimal. */
  readonly sha256: string;
  /** Everybody knows it, so it is good for requests from this machine only. */
  readonly isWellKnown?: true;
}

/** Somebody who can have tokens. */
export interface User {
  readonly username: string;
  readonly password: KnownPassword;
  /** What its tokens say of it beside what all tokens say. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** What AWS SDKs sign requests with. */
export interface AccessKey {
  readonly id: string;
  readonly secret: string;
}

export interface CredentialLists {
  readonly apiKeys: readonly ApiKey[];
  readonly users: readonly User[];
  readonly accessKeys: readonly AccessKey[];
}

export const noCredentials: CredentialLists = { apiKeys: [], users: [], accessKeys: [] };

/** Those that hold at one moment; never changes. */
export class Credentials {
  readonly #apiKeys: ReadonlyMap<string, ApiKey>;
  readonly #users: ReadonlyMap<string, User>;
  readonly #accessKeys: ReadonlyMap<string, AccessKey>;

  constructor({ apiKeys, users, accessKeys }: CredentialLists) {
    this.#apiKeys = new Map(apiKeys.map((key) => [key.sha256, key]));
    this.#users = new Map(users.map((user) => [user.username, user]));
    this.#accessKeys = new Map(accessKeys.map((key) => [key.id, key]));
  }

  /** Found by its hash, so that the time tells nothing of the keys. */
  apiKey(key: string): ApiKey | undefined {
    return this.#apiKeys.get(sha256(key));
  }

  user(username: string): User | undefined {
    return this.#users.get(username);
  }

  accessKey(id: string): AccessKey | undefined {
    return this.#accessKeys.get(id);
  }

  /** Of any user whose password came hashed; what a check of a user that is not there should cost. */
  get anyHash(): PasswordHash | undefined {
    for (const { password } of this.#users.values()) if (!("plain" in password)) return password;
    return undefined;
  }

  get counts(): { readonly apiKeys: number; readonly users: number; readonly accessKeys: number } {
    return { apiKeys: this.#apiKeys.size, users: this.#users.size, accessKeys: this.#accessKeys.size };
  }
}

/** In lower-case hexadecimal. */
export function sha256(text: string): string {
  return hash("sha256", text, "hex");
}

/** One list after the other; of two with one name the first counts. */
export function merge(first: CredentialLists, second: CredentialLists): CredentialLists {
  const names = new Set(first.users.map(({ username }) => username));
  const hashes = new Set(first.apiKeys.map((key) => key.sha256));
  const ids = new Set(first.accessKeys.map(({ id }) => id));
  return {
    apiKeys: [...first.apiKeys, ...second.apiKeys.filter((key) => !hashes.has(key.sha256))],
    users: [...first.users, ...second.users.filter(({ username }) => !names.has(username))],
    accessKeys: [...first.accessKeys, ...second.accessKeys.filter(({ id }) => !ids.has(id))],
  };
}
