import { closest } from "fastest-levenshtein";
import { type SettingName, type SettingValues, settings } from "./settings.ts";

/** A mistake of the person who configured esb; its message is for them, so no stack is shown. */
export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError";
}

/**
 * Parses the named settings from the environment; an empty variable counts as absent.
 * @throws ConfigurationError that lists every wrong variable with its value and what would be right
 */
export function readSettings<const N extends SettingName>(
  names: readonly N[],
  environment: NodeJS.ProcessEnv,
): SettingValues<N> {
  const problems: string[] = [];
  const values: Partial<Record<SettingName, unknown>> = {};
  // Of several parts of a process, each may name a setting that it reads.
  for (const name of new Set(names)) {
    const entry: { schema: (typeof settings)[SettingName]["schema"]; default?: string; secret?: true } = settings[name];
    const given = environment[name];
    const text = given === undefined || given === "" ? entry.default : given;
    if (text === undefined) continue;
    const parsed = entry.schema.safeParse(text);
    if (parsed.success) values[name] = parsed.data;
    else {
      const told = entry.secret === true ? name : `${name}=${text}`;
      problems.push(`${told}: ${parsed.error.issues.map((issue) => issue.message).join("; ")}`);
    }
  }
  if (problems.length > 0) throw new ConfigurationError(problems.join("\n"));
  return Object.freeze(values) as SettingValues<N>;
}

/** A sentence for each variable that begins like ours but is none of ours, with the nearest known name. */
export function unknownSettings(environment: NodeJS.ProcessEnv): string[] {
  const known = Object.keys(settings);
  return Object.keys(environment)
    .filter((name) => name.startsWith("ESB_") && !known.includes(name))
    .map((name) => `${name} is not a setting of esb; did you mean ${closest(name, known)}?`);
}
