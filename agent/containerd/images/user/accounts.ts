/** A user in numbers, as the OCI runtime spec has it. */
export interface ImageUser {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
}

/** `User` of an image's config: `user`, `user:group`, each a name or a number. */
export interface UserText {
  readonly user: string;
  readonly group: string | undefined;
}

/** Largest id that the kernel's tools agree on. */
const idLimit = 2 ** 31 - 1;

export function parseUserText(text: string): UserText {
  const colon = text.indexOf(":");
  if (colon === -1) return { user: text, group: undefined };
  return { user: text.slice(0, colon), group: text.slice(colon + 1) || undefined };
}

/** The user when the text alone says it all: two numbers. */
export function numericUser({ user, group }: UserText): ImageUser | undefined {
  const uid = parseId(user);
  const gid = group === undefined ? undefined : parseId(group);
  return uid === undefined || gid === undefined ? undefined : { uid, gid, additionalGids: [] };
}

/**
 * Looks a user up as Docker does: a name first, then a number; a number that /etc/passwd doesn't know has group 0.
 * Without a group in the text, the user's other groups come along.
 * @param passwd text of /etc/passwd (passwd(5)); "" when there is none
 * @param group text of /etc/group (group(5)); "" when there is none
 * @returns what is unknown, in words, when it can't be found
 */
export function lookUp(text: UserText, passwd: string, group: string): ImageUser | { readonly unknown: string } {
  const users = lines(passwd).filter((fields) => fields.length >= 4);
  const entry = users.find(([name]) => name === text.user) ?? users.find(([, , uid]) => uid === text.user);
  const uid = parseId(entry?.[2] ?? text.user);
  if (uid === undefined) return { unknown: `user ${text.user} is not in its /etc/passwd` };

  const groups = lines(group).filter((fields) => fields.length >= 3);
  if (text.group !== undefined) {
    const named = groups.find(([name]) => name === text.group);
    const gid = parseId(named?.[2] ?? text.group);
    if (gid === undefined) return { unknown: `group ${text.group} is not in its /etc/group` };
    return { uid, gid, additionalGids: [] };
  }
  const gid = parseId(entry?.[3] ?? "0") ?? 0;
  const name = entry?.[0];
  const memberOf = groups.filter(([, , , members]) => name !== undefined && members?.split(",").includes(name));
  const additional = memberOf.map(([, , id]) => parseId(id ?? "")).filter((id) => id !== undefined && id !== gid);
  return { uid, gid, additionalGids: [...new Set(additional)].filter((id) => id !== undefined) };
}

function lines(text: string): string[][] {
  return text.split("\n").map((line) => line.trim().split(":"));
}

function parseId(text: string): number | undefined {
  if (!/^\d{1,10}$/.test(text)) return undefined;
  const id = Number(text);
  return id <= idLimit ? id : undefined;
}
