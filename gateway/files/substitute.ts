/** The value of a variable, undefined when it is not set. */
export type VariableLookup = (name: string) => string | undefined;

const reference = /\$\$\{|\$\{([^}]*)\}?/g;
const body = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s;

export type Substituted = { readonly text: string } | { readonly problem: string };

/**
 * Fills in `${NAME}` and `${NAME:-default}` (the default also stands in for an empty value, as in a shell);
 * `$${` stands for `${`.
 */
export function substitute(text: string, lookup: VariableLookup): Substituted {
  let problem: string | undefined;
  const filled = text.replaceAll(reference, (match: string, inner: string | undefined) => {
    if (match === "$${") return "${";
    const parts = match.endsWith("}") ? body.exec(inner ?? "") : null;
    const name = parts?.[1];
    if (name === undefined) {
      problem ??= `"${match}" is not a variable; expected \${NAME} or \${NAME:-default} ($\${ for a plain \${)`;
      return match;
    }
    const value = lookup(name);
    const fallback = parts?.[2];
    if (fallback !== undefined && (value === undefined || value === "")) return fallback;
    if (value === undefined) problem ??= `the variable ${name} is not set; set it, or write \${${name}:-default}`;
    return value ?? match;
  });
  return problem === undefined ? { text: filled } : { problem };
}

/**
 * Looks variables up in the environment; an esb setting that is not there has its default, so that a file can say
 * `LOG_LEVEL: ${LOG_LEVEL}` on any machine.
 */
export function environmentLookup(
  environment: NodeJS.ProcessEnv,
  settingDefault: (name: string) => string | undefined,
): VariableLookup {
  return (name) => {
    const value = Object.hasOwn(environment, name) ? environment[name] : undefined;
    return value === undefined || value === "" ? (settingDefault(name) ?? value) : value;
  };
}
