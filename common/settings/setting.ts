import type { z } from "zod";

export type Process = "agent" | "gateway" | "scripts";

export interface Setting {
  readonly schema: z.ZodType;
  /** Text of the default, as it would stand in the environment; absent: the setting is optional. */
  readonly default?: string;
  readonly usedBy: readonly Process[];
  /** Its value is never told, not even to say that it is wrong. */
  readonly secret?: true;
  /** For docs/configuration.md, with the unit where the name doesn't tell it. */
  readonly description: string;
}

/** A row of a table of settings; keeps the exact types, from which `SettingValue` is derived. */
export function setting<T extends z.ZodType, const R extends Omit<Setting, "schema">>(
  schema: T,
  rest: R,
): { schema: T } & R {
  return { schema, ...rest };
}
