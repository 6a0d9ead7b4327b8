import { z } from "zod";
import { ConfigurationError } from "../../../common/environment.ts";
import type { VariableLookup } from "../../files/substitute.ts";
import { type Problem, parseYaml } from "../../files/yaml.ts";
import { parsePasswordHash } from "../passwords/hash.ts";
import { reservedClaims } from "../tokens/claims.ts";
import { type CredentialLists, sha256 } from "./credentials.ts";

const text = (expected: string) => z.string(expected).min(1, expected);

const apiKeySchema = z
  .strictObject(
    {
      id: text("must be the key's name, which functions are told"),
      key: z.string("must be text").min(16, "must be 16 characters or longer").optional(),
      sha256: z
        .string("must be text")
        .regex(/^[0-9a-fA-F]{64}$/, "must be the key's SHA-256 in hexadecimal, as sha256sum prints it")
        .transform((hex) => hex.toLowerCase())
        .optional(),
    },
    "must be a map; expected id: and one of key: and sha256:",
  )
  .refine(({ key, sha256: hash }) => (key === undefined) !== (hash === undefined), "must have one of key: and sha256:");

const claims = z
  .record(
    z
      .string()
      .refine(
        (name) => !reservedClaims.has(name),
        `is set by esb itself; expected none of ${[...reservedClaims].join(", ")}`,
      ),
    z.json("must be what JSON can say"),
    "must be a map; expected claims such as email: ada@example.org",
  )
  .refine(isTree, "must not contain themselves");

/** With an alias, YAML can say what contains itself. */
function isTree(value: object): boolean {
  try {
    JSON.stringify(value);
    return true;
  } catch {
    return false;
  }
}

const userSchema = z.strictObject(
  {
    username: text("must be the user's name").max(256, "must be 256 characters or shorter"),
    password: z.string("must be text").transform((hash, context) => {
      const parsed = parsePasswordHash(hash);
      if (parsed !== undefined) return parsed;
      context.addIssue("must be a hash; make one with: node scripts/hash-password.ts");
      return z.NEVER;
    }),
    claims: claims.optional(),
  },
  "must be a map; expected username: and password:",
);

const accessKeySchema = z.strictObject(
  {
    id: z.string("must be text").regex(/^\w{16,128}$/, "must be 16 to 128 letters and digits"),
    secret: z.string("must be text").min(16, "must be 16 characters or longer"),
  },
  "must be a map; expected id: and secret:",
);

const fileSchema = z.strictObject(
  {
    apiKeys: z.array(apiKeySchema, "must be a list; expected items such as { id: shop, key: ... }").nullish(),
    users: z
      .array(userSchema, "must be a list; expected items such as { username: ada, password: scrypt$... }")
      .nullish(),
    accessKeys: z.array(accessKeySchema, "must be a list; expected items such as { id: ..., secret: ... }").nullish(),
  },
  "must be a map; expected apiKeys:, users: or accessKeys:",
);

const knownKeys: Readonly<Record<string, readonly string[]>> = {
  apiKeys: ["id", "key", "sha256"],
  users: ["username", "password", "claims"],
  accessKeys: ["id", "secret"],
};

/**
 * Reads ESB_AUTH_FILE.
 * @param path how the file is named in messages
 * @throws ConfigurationError with a line for each mistake; none repeats what the file says
 */
export function parseCredentials(content: string, path: string, lookup: VariableLookup): CredentialLists {
  // One that is being written is empty for a moment, in which nobody should be locked out.
  if (content.trim() === "") {
    throw new ConfigurationError(`${path}:1:1: the file is empty; expected apiKeys:, users: or accessKeys:, or {}`);
  }
  const { value, refuse } = parseYaml(content, {
    path,
    lookup,
    secret: true,
    schema: fileSchema,
    expectedKeys: ([section]) => (section === undefined ? Object.keys(knownKeys) : (knownKeys[section] ?? [])),
    // A key of digits is text; claims are what YAML says they are.
    isText: (keys) => !keys.includes("claims"),
  });
  const apiKeys = (value.apiKeys ?? []).map(({ id, key, sha256: hash }) => ({ id, sha256: hash ?? sha256(key ?? "") }));
  const users = (value.users ?? []).map(({ claims = {}, ...user }) => ({ ...user, claims }));
  const accessKeys = value.accessKeys ?? [];
  refuse([
    ...twice(
      "apiKeys",
      "id",
      apiKeys.map(({ id }) => id),
    ),
    ...twice(
      "apiKeys",
      undefined,
      apiKeys.map((key) => key.sha256),
    ),
    ...twice(
      "users",
      "username",
      users.map(({ username }) => username),
    ),
    ...twice(
      "accessKeys",
      "id",
      accessKeys.map(({ id }) => id),
    ),
  ]);
  return { apiKeys, users, accessKeys };
}

/** A problem for each value that has been there before; `member` undefined: the item is at fault. */
function twice(section: string, member: string | undefined, values: readonly string[]): readonly Problem[] {
  return values.flatMap((value, index) => {
    const first = values.indexOf(value);
    if (first === index) return [];
    const path = [section, String(index), ...(member === undefined ? [] : [member])];
    return [{ path, message: `is there twice; ${section}.${first} has the same ${member ?? "key"}` }];
  });
}
