/** What a registry asks for (WWW-Authenticate, RFC 9110 section 11.6.1); scheme and parameter names in lower case. */
export interface Challenge {
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const parameter = new RegExp(`^(${token})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s,"]+))`);
const scheme = new RegExp(`^(${token})(?=\\s|,|$)`);

/** Parses the header; what comes after something unreadable is left out. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  let rest = header.replace(/^[\s,]+/, "");
  while (rest !== "") {
    const pair = parameter.exec(rest);
    const named = scheme.exec(rest);
    const current = challenges.at(-1);
    if (pair && current) {
      const value = pair[2] === undefined ? (pair[3] ?? "") : pair[2].replace(/\\(.)/g, "$1");
      current.parameters.set((pair[1] ?? "").toLowerCase(), value);
      rest = rest.slice(pair[0].length);
    } else if (named) {
      challenges.push({ scheme: (named[1] ?? "").toLowerCase(), parameters: new Map() });
      rest = rest.slice(named[0].length);
    } else {
      break;
    }
    rest = rest.replace(/^[\s,]+/, "");
  }
  return challenges;
}
