/** One run of a plugin. */
export interface PluginCall {
  readonly file: string;
  /** JSON, on a single line. */
  readonly input: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** Plugins that run side by side: while one waits, for host-local's lock say, the other works. */
const lanes = 2;
/** The shell's own words for a program that it could not run, and for one that was killed. */
const notRun = 126;

/**
 * A script for sh that gives `ip` its lines, then runs the plugins of many containers, all of each whichever fails, and
 * prints the place in `containers` of every one whose plugins all succeeded, one a line. None if ip cannot be run.
 * @throws RangeError for an input, or a line of `ip`, that is more than one line
 */
export function detachScript(ipLines: readonly string[], containers: readonly (readonly PluginCall[])[]): string {
  const blocks = containers.map((calls, place) =>
    ["failed=", ...calls.map(plugin), `test -n "$failed" || echo ${place}`].join("\n"),
  );
  const shares = Array.from({ length: lanes }, (_, lane) => blocks.filter((_, place) => place % lanes === lane));
  return [
    ...withInput("ip -force -batch -", ipLines),
    `test $? -lt ${notRun} || exit`,
    ...shares.filter((share) => share.length > 0).map((share) => `{\n${share.join("\n")}\n} &`),
    "wait\n",
  ].join("\n");
}

/** Reads what a script of `detachScript` printed. */
export function readPlaces(stdout: string): ReadonlySet<number> {
  return new Set(stdout.split("\n").filter(Boolean).map(Number));
}

function plugin({ file, input, environment }: PluginCall): string {
  const assignments = Object.entries(environment).map(([name, value]) => `${name}=${quote(value)}`);
  return [...withInput([...assignments, quote(file)].join(" "), [input]), "test $? -eq 0 || failed=1"].join("\n");
}

/** Between the marks the shell reads nothing but the second of them. */
function withInput(command: string, lines: readonly string[]): string[] {
  if (lines.some((line) => line.includes("\n") || line === "end")) throw new RangeError("not a line of input");
  return [`${command} <<'end' >/dev/null 2>&1`, ...lines, "end"];
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
