export type PullPolicy = "if-not-present" | "always" | "never";

/** A function as functions.yml describes it, defaults merged and variables filled in. */
export interface FunctionDefinition {
  readonly name: string;
  readonly image: string;
  /** In place of the image's entrypoint and command; empty: the image's own. */
  readonly command: readonly string[];
  /** Lambda's `_HANDLER`; may be empty. */
  readonly handler: string;
  readonly timeoutMs: number;
  readonly memoryMib: number;
  readonly tmpMib: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly pullPolicy: PullPolicy;
}

export type Functions = ReadonlyMap<string, FunctionDefinition>;

/** Whether a worker made from one can serve the other; from or for nothing, none can. */
export function sameDefinition(a: FunctionDefinition | undefined, b: FunctionDefinition | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  return a === b || fingerprint(a) === fingerprint(b);
}

function fingerprint(definition: FunctionDefinition): string {
  const environment = Object.entries(definition.environment).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([
    definition.name,
    definition.image,
    definition.command,
    definition.handler,
    definition.timeoutMs,
    definition.memoryMib,
    definition.tmpMib,
    environment,
    definition.pullPolicy,
  ]);
}
